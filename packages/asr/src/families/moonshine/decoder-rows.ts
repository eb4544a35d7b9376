import { float32Tensor, int64Tensor, type OnnxTensor, type TensorSpec } from '@murmuration/onnx';
import { DECODER } from './decoder-graphs.js';

/** One of the decoder's caches, by its names in the graph and its fixed dimensions. */
export interface CacheName {
  readonly past: string;
  readonly present: string;
  readonly heads: number;
  readonly width: number;
}

/** Names found in the graph: the caches of the encoder's and of the decoder's keys and values. */
export interface DecoderNames {
  readonly inputIds: string;
  readonly encoder: readonly CacheName[];
  readonly decoder: readonly CacheName[];
}

/** What the first step of one chunk gave. */
export interface FirstStep {
  readonly token: number;
  readonly logprob: number;
  /** Encoder frames heard. */
  readonly positions: number;
  /** How much the step looks at each frame. */
  readonly alignment: Float32Array;
  /** Values of one cache, by the name of its output. */
  values(present: string): Float32Array;
}

/** Finds the caches among the inputs of the graph of all later steps. Throws `RangeError` when there are none or their dimensions are not stated. */
export function findDecoderNames(inputs: readonly TensorSpec[]): DecoderNames {
  const caches = (part: string): CacheName[] => {
    const found = inputs.filter(
      (input) => input.name.startsWith('past_key_values.') && input.name.includes(`.${part}.`),
    );
    return found.map(({ name }) => {
      // Heads and width as the file states them: the decoder's own caches keep its shapes.
      const [, heads, , width] =
        inputs.find((input) => input.name === name.replace('.encoder.', '.decoder.'))?.shape ?? [];
      if (typeof heads !== 'number' || typeof width !== 'number')
        throw new RangeError(`${name} states no number of heads or width`);
      return { past: name, present: name.replace('past_key_values.', 'present.'), heads, width };
    });
  };
  const names = { inputIds: 'input_ids', encoder: caches('encoder'), decoder: caches('decoder') };
  if (names.encoder.length === 0 || names.encoder.length !== names.decoder.length)
    throw new RangeError('the decoder has no key and value caches');
  return names;
}

/** Added to the attention scores of padding: its exponential is exactly 0 in float32. */
const UNHEARD = -1e9;

/**
 * The rows of one batch inside the decoder: the encoder's keys and values (padded to one length and masked),
 * the decoder's keys and values, and the last token of each row.
 * `add` for each row, then `feeds` and `advance` in turns; `keep` takes finished rows out in between.
 */
export class DecoderRows {
  readonly #names: DecoderNames;
  readonly #positions: number;
  readonly #encoder = new Map<string, { readonly data: Float32Array; readonly rowDims: readonly number[] }>();
  /** Those of the tokens; of each step, as the session gave them. */
  readonly #decoder = new Map<string, OnnxTensor>();
  readonly #mask: Float32Array;
  readonly #starts: FirstStep[] = [];
  #tokens = new BigInt64Array(0);
  #count = 0;

  /** @param positions encoder frames that every row is padded to; `buffers` are filled and used until the next batch */
  constructor(names: DecoderNames, positions: number, capacity: number, buffers: RowBuffers) {
    this.#names = names;
    this.#positions = positions;
    this.#mask = new Float32Array(capacity * positions);
    for (const name of names.encoder) {
      const rowDims = name.past.endsWith('.key')
        ? [name.heads, name.width, positions]
        : [name.heads, positions, name.width];
      this.#encoder.set(name.past, {
        data: buffers.take(name.past, capacity * name.heads * name.width * positions),
        rowDims,
      });
    }
  }

  get count(): number {
    return this.#count;
  }

  /** Takes in a row that has made its first step; copies what it holds. */
  add(start: FirstStep): void {
    const row = this.#count++;
    this.#starts.push(start);
    const heard = start.positions;
    this.#mask.fill(0, row * this.#positions, row * this.#positions + heard);
    this.#mask.fill(UNHEARD, row * this.#positions + heard, (row + 1) * this.#positions);
    for (const name of this.#names.encoder) {
      const source = start.values(name.present);
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

  /** Inputs of the next step. */
  feeds(): Record<string, OnnxTensor> {
    if (this.#decoder.size === 0) this.#joinStarts();
    const rows = this.#count;
    const feeds: Record<string, OnnxTensor> = {
      [this.#names.inputIds]: int64Tensor(this.#tokens, [rows, 1]),
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
    return feeds;
  }

  /** Takes what a step gave: the tokens said and the decoder's keys and values, one position longer. */
  advance(results: Readonly<Record<string, OnnxTensor>>): void {
    this.#tokens = results[DECODER.nextToken]?.data as BigInt64Array<ArrayBuffer>;
    for (const name of this.#names.decoder) {
      const present = results[name.present];
      if (present === undefined) throw new Error(`the decoder gave no ${name.present}`);
      this.#decoder.get(name.past)?.dispose();
      this.#decoder.set(name.past, present);
    }
  }

  /** Keeps only these rows, given in ascending order; they are renumbered from 0. */
  keep(rows: readonly number[]): void {
    if (this.#decoder.size === 0) this.#joinStarts();
    for (const { data, rowDims } of this.#encoder.values()) moveRows(data, size(rowDims), rows);
    for (const [name, tensor] of this.#decoder) this.#decoder.set(name, tensor.keepRows(rows));
    moveRows(this.#mask, this.#positions, rows);
    this.#tokens = BigInt64Array.from(rows, (row) => this.#tokens[row] ?? 0n);
    this.#count = rows.length;
  }

  /** Gives up what the decoder kept for these rows. */
  dispose(): void {
    for (const tensor of this.#decoder.values()) tensor.dispose();
    this.#decoder.clear();
  }

  #joinStarts(): void {
    this.#tokens = BigInt64Array.from(this.#starts, (start) => BigInt(start.token));
    for (const name of this.#names.decoder) {
      const rowDims = [name.heads, 1, name.width];
      const data = new Float32Array(this.#count * size(rowDims));
      this.#starts.forEach((start, row) => {
        data.set(start.values(name.present), row * size(rowDims));
      });
      this.#decoder.set(name.past, float32Tensor(data, [this.#count, ...rowDims]));
    }
    this.#starts.length = 0;
  }
}

/** Large arrays that are reused from batch to batch: a new 100 MB for each batch would wait for the garbage collector. */
export class RowBuffers {
  readonly #arrays = new Map<string, Float32Array>();

  /** An array of at least `length`, with what it held before. */
  take(name: string, length: number): Float32Array {
    const known = this.#arrays.get(name);
    if (known !== undefined && known.length >= length) return known;
    const fresh = new Float32Array(length);
    this.#arrays.set(name, fresh);
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
