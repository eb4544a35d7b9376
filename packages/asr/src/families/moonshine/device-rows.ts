import { float32Tensor, int64Tensor, type OnnxTensor, type RowPicker } from '@murmuration/onnx';
import type { RehearsalClock } from '../../recognizer.js';
import { DECODER } from './decoder-graphs.js';
import {
  type CacheName,
  type Choice,
  choicesOf,
  type DecoderRows,
  type DecoderSteps,
  given,
  START_TOKEN,
  UNHEARD,
} from './decoder-rows.js';
import type { RowBuffers } from './host-rows.js';

/**
 * Rows on a graphics card. The first step runs once for the whole batch, over what the encoder made of its chunks, padded and masked; what it gives
 * for later steps stays on the card and is handed from step to step there. A step takes ids from the host and gives it tokens, log-probabilities and
 * alignments. The sessions keep their outputs `present.*`.
 */
export class DeviceRows implements DecoderRows {
  readonly compactShare = 0.5;
  readonly #steps: DecoderSteps;
  readonly #positions: number;
  readonly #capacity: number;
  readonly #buffers: RowBuffers;
  readonly #picker: Pick<RowPicker, 'pick'>;
  /** Mask and caches on the card, by the names under which the next step takes them. */
  readonly #onCard = new Map<string, OnnxTensor>();
  readonly #mask: Float32Array;
  #states: Float32Array = new Float32Array(0);
  #width = 0;
  #tokens: readonly number[] = [];
  #count = 0;

  /** @param positions encoder frames that every row is padded to; `buffers` are filled and used until the next batch; `picker` of the sessions' device */
  constructor(
    steps: DecoderSteps,
    positions: number,
    capacity: number,
    buffers: RowBuffers,
    picker: Pick<RowPicker, 'pick'>,
  ) {
    this.#steps = steps;
    this.#positions = positions;
    this.#capacity = capacity;
    this.#buffers = buffers;
    this.#picker = picker;
    this.#mask = new Float32Array(capacity * positions);
  }

  add(heard: OnnxTensor): Promise<void> {
    this.#put(heard);
    return Promise.resolve();
  }

  async start(): Promise<readonly Choice[]> {
    const rows = this.#count;
    if (rows === 0) return [];
    const { first, names } = this.#steps;
    const mask = float32Tensor(this.#mask.subarray(0, rows * this.#positions), [rows, 1, 1, this.#positions]);
    // Later steps take it, too.
    const encoderMask = await this.#picker.pick(mask, upTo(rows));
    this.#onCard.set(DECODER.encoderMask, encoderMask);
    const results = await first.run({
      [names.inputIds]: int64Tensor(new BigInt64Array(rows).fill(BigInt(START_TOKEN)), [rows, 1]),
      encoder_hidden_states: float32Tensor(this.#states.subarray(0, rows * this.#positions * this.#width), [
        rows,
        this.#positions,
        this.#width,
      ]),
      [DECODER.encoderMask]: encoderMask,
    });
    return this.#take(results, [...names.encoder, ...names.decoder]);
  }

  async next(): Promise<readonly Choice[]> {
    const { next, names } = this.#steps;
    const ids = BigInt64Array.from(this.#tokens, BigInt);
    const results = await next.run({
      [names.inputIds]: int64Tensor(ids, [ids.length, 1]),
      ...Object.fromEntries(this.#onCard),
    });
    return this.#take(results, names.decoder);
  }

  async keep(rows: readonly number[]): Promise<void> {
    for (const [name, tensor] of this.#onCard) {
      const fewer = await this.#picker.pick(tensor, rows);
      tensor.dispose();
      this.#onCard.set(name, fewer);
    }
    this.#tokens = rows.map((row) => this.#tokens[row] ?? START_TOKEN);
    this.#count = rows.length;
  }

  async rehearse(heard: OnnxTensor, count: number, clock: RehearsalClock): Promise<number> {
    for (let row = 0; row < count; row++) this.#put(heard);
    let startMs = Infinity;
    for (let run = 0; run < 2; run++) {
      this.dispose();
      const began = clock();
      await this.start();
      startMs = Math.min(startMs, clock() - began);
    }
    return startMs;
  }

  dispose(): void {
    for (const tensor of this.#onCard.values()) tensor.dispose();
    this.#onCard.clear();
  }

  #put({ dims: [, heard = 0, width = 0], data }: OnnxTensor): void {
    const [row, length] = [this.#count++, this.#positions];
    if (row === 0) {
      this.#width = width;
      this.#states = this.#buffers.take('encoder_hidden_states', this.#capacity * length * width);
    }
    this.#states.set(data as Float32Array, row * length * width);
    this.#states.fill(0, (row * length + heard) * width, (row + 1) * length * width);
    this.#mask.fill(0, row * length, row * length + heard);
    this.#mask.fill(UNHEARD, row * length + heard, (row + 1) * length);
  }

  /** Takes a step's caches in place of those before, and its tokens. */
  #take(results: Readonly<Record<string, OnnxTensor>>, caches: readonly CacheName[]): readonly Choice[] {
    for (const { past, present } of caches) {
      this.#onCard.get(past)?.dispose();
      this.#onCard.set(past, given(results, present));
    }
    const choices = choicesOf(results);
    this.#tokens = choices.map(({ token }) => token);
    return choices;
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}
