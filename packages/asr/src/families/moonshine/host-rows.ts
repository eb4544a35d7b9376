import { float32Tensor, int64Tensor, type OnnxTensor } from '@murmuration/onnx';
import type { RehearsalClock } from '../../recognizer.js';
import { DECODER } from './decoder-graphs.js';
import {
  type Choice,
  choicesOf,
  type DecoderRows,
  type DecoderSteps,
  END_TOKEN,
  given,
  START_TOKEN,
  UNHEARD,
} from './decoder-rows.js';

/** What the first step of one chunk gave. */
interface FirstStep {
  readonly choice: Choice;
  /** Encoder frames heard. */
  readonly positions: number;
  readonly results: Readonly<Record<string, OnnxTensor>>;
}

/**
 * Rows on a CPU. The first step runs chunk by chunk, without padding; the encoder's keys and values of all rows then lie in JavaScript's arrays, the
 * decoder's as its session gives them.
 */
export class HostRows implements DecoderRows {
  readonly compactShare = 0.25;
  readonly #steps: DecoderSteps;
  readonly #positions: number;
  readonly #encoder = new Map<string, { readonly data: Float32Array; readonly rowDims: readonly number[] }>();
  /** Those of the tokens; of each step, as the session gave them. */
  readonly #decoder = new Map<string, OnnxTensor>();
  readonly #mask: Float32Array;
  readonly #starts: FirstStep[] = [];
  #tokens = new BigInt64Array(0);
  #count = 0;

  /** @param positions encoder frames that every row is padded to; `buffers` are filled and used until the next batch */
  constructor(steps: DecoderSteps, positions: number, capacity: number, buffers: RowBuffers) {
    this.#steps = steps;
    this.#positions = positions;
    this.#mask = new Float32Array(capacity * positions);
    for (const name of steps.names.encoder) {
      const rowDims = name.past.endsWith('.key')
        ? [name.heads, name.width, positions]
        : [name.heads, positions, name.width];
      this.#encoder.set(name.past, {
        data: buffers.take(name.past, capacity * name.heads * name.width * positions),
        rowDims,
      });
    }
  }

  async add(heard: OnnxTensor): Promise<void> {
    this.#put(await this.#first(heard));
  }

  start(): Promise<readonly Choice[]> {
    const choices = this.#starts.map(({ choice }) => choice);
    this.#joinStarts();
    return Promise.resolve(choices);
  }

  async next(): Promise<readonly Choice[]> {
    const rows = this.#count;
    const feeds: Record<string, OnnxTensor> = {
      [this.#steps.names.inputIds]: int64Tensor(this.#tokens, [rows, 1]),
      [DECODER.encoderMask]: float32Tensor(this.#mask.subarray(0, rows * this.#positions), [
        rows,
        1,
        1,
        this.#positions,
      ]),
    };
    for (const [name, { data, rowDims }] of this.#encoder)
      feeds[name] = float32Tensor(data.subarray(0, rows * size(rowDims)), [rows, ...rowDims]);
    for (const [name, tensor] of this.#decoder) feeds[name] = tensor;
    const results = await this.#steps.next.run(feeds);
    this.#tokens = given(results, DECODER.nextToken).data as BigInt64Array<ArrayBuffer>;
    for (const { past, present } of this.#steps.names.decoder) {
      this.#decoder.get(past)?.dispose();
      this.#decoder.set(past, given(results, present));
    }
    return choicesOf(results);
  }

  keep(rows: readonly number[]): Promise<void> {
    for (const { data, rowDims } of this.#encoder.values()) moveRows(data, size(rowDims), rows);
    for (const [name, tensor] of this.#decoder) this.#decoder.set(name, tensor.keepRows(rows));
    moveRows(this.#mask, this.#positions, rows);
    this.#tokens = BigInt64Array.from(rows, (row) => this.#tokens[row] ?? 0n);
    this.#count = rows.length;
    return Promise.resolve();
  }

  async rehearse(heard: OnnxTensor, count: number, clock: RehearsalClock): Promise<number> {
    let firstMs = Infinity;
    for (let run = 0; run < 2; run++) {
      const began = clock();
      const start = await this.#first(heard);
      firstMs = Math.min(firstMs, clock() - began);
      if (run === 1) for (let row = 0; row < count; row++) this.#put(start);
    }
    this.#joinStarts();
    return count * firstMs;
  }

  dispose(): void {
    for (const tensor of this.#decoder.values()) tensor.dispose();
    this.#decoder.clear();
  }

  async #first(heard: OnnxTensor): Promise<FirstStep> {
    const results = await this.#steps.first.run({
      [this.#steps.names.inputIds]: int64Tensor(BigInt64Array.of(BigInt(START_TOKEN)), [1, 1]),
      encoder_hidden_states: heard,
    });
    const [choice = { token: END_TOKEN, logprob: 0, alignment: new Float32Array(0) }] = choicesOf(results);
    return { choice, positions: heard.dims[1] ?? 0, results };
  }

  /** Copies what the chunk's encoder gave to its row. */
  #put(start: FirstStep): void {
    const row = this.#count++;
    this.#starts.push(start);
    const heard = start.positions;
    this.#mask.fill(0, row * this.#positions, row * this.#positions + heard);
    this.#mask.fill(UNHEARD, row * this.#positions + heard, (row + 1) * this.#positions);
    for (const name of this.#steps.names.encoder) {
      const source = given(start.results, name.present).data as Float32Array;
      const target = this.#encoder.get(name.past)?.data ?? new Float32Array(0);
      // Keys lie as head_width lines of positions a head, values as one line of positions × head_width a head.
      const key = name.past.endsWith('.key');
      const lines = key ? name.heads * name.width : name.heads;
      const unit = key ? 1 : name.width;
      for (let line = 0; line < lines; line++) {
        const to = (row * lines + line) * this.#positions * unit;
        target.set(source.subarray(line * heard * unit, (line + 1) * heard * unit), to);
        target.fill(0, to + heard * unit, to + this.#positions * unit);
      }
    }
  }

  #joinStarts(): void {
    this.#tokens = BigInt64Array.from(this.#starts, ({ choice }) => BigInt(choice.token));
    for (const name of this.#steps.names.decoder) {
      const rowDims = [name.heads, 1, name.width];
      const data = new Float32Array(this.#count * size(rowDims));
      this.#starts.forEach(({ results }, row) => {
        data.set(given(results, name.present).data as Float32Array, row * size(rowDims));
      });
      this.#decoder.set(name.past, float32Tensor(data, [this.#count, ...rowDims]));
    }
    this.#starts.length = 0;
  }
}

/**
 * Large arrays that are reused from batch to batch: a new 100 MB for each batch would wait for the garbage collector. Between batches nothing holds them, so
 * that they go when the process is quiet and garbage is collected.
 */
export class RowBuffers {
  readonly #arrays = new Map<string, WeakRef<Float32Array>>();

  /** An array of at least `length`, with what it held before. */
  take(name: string, length: number): Float32Array {
    const known = this.#arrays.get(name)?.deref();
    if (known !== undefined && known.length >= length) return known;
    const fresh = new Float32Array(length);
    this.#arrays.set(name, new WeakRef(fresh));
    return fresh;
  }
}

function size(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

function moveRows(data: Float32Array, rowLength: number, rows: readonly number[]): void {
  rows.forEach((from, to) => {
    if (from !== to) data.copyWithin(to * rowLength, from * rowLength, (from + 1) * rowLength);
  });
}
