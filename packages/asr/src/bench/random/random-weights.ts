import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { externalInitializer, rawInitializer } from '@murmuration/onnx';
import { floatToHalf } from '../../families/whisper/model/graph-tensors.js';
import { seededRandom } from '../../families/whisper/decoding/token-chooser.js';

/** Element types of constants that a graph declares here. */
type WeightType = 'float32' | 'float16' | 'uint8' | 'int64';

interface Weight {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: WeightType;
  readonly bytes: number;
  /** Its values, made when they are written. */
  readonly values: () => Uint8Array;
}

const BYTES = { float32: 4, float16: 2, uint8: 1, int64: 8 } as const;

/** Spread of the weights, as models of this kind are initialised before they are trained. */
const DEVIATION = 0.02;
/** An 8-bit weight's step: 3.5 deviations are 112 of them. */
export const BYTE_SCALE = DEVIATION / 32;
/** The 8-bit number that stands for 0. */
const BYTE_ZERO = 128;
/** A prime, so that rows of a matrix do not repeat one another. */
const POOL = 1_048_573;

/** Bytes of weights up to which they lie in the model's file: protocol buffers end at 2 GiB. */
const MOST_INSIDE_BYTES = 1_900_000_000;
/** Constants up to this size always lie in the model's file. */
const SMALL_BYTES = 1_024;

/** The constants of one model: declared while its graph is built, then made and written one by one. The same in every run. */
export class RandomWeights {
  readonly #float: 'float32' | 'float16';
  readonly #declared = new Map<string, Weight>();
  readonly #pools = new Map<WeightType, Uint8Array>();
  /** Bytes taken of each pool so far. */
  readonly #taken = new Map<WeightType, number>();

  constructor(float: 'float32' | 'float16') {
    this.#float = float;
  }

  /** Bytes of all that is declared. */
  get bytes(): number {
    return [...this.#declared.values()].reduce((sum, one) => sum + one.bytes, 0);
  }

  /** How many numbers all that is declared has. */
  get numbers(): number {
    return [...this.#declared.values()].reduce((sum, { bytes, type }) => sum + bytes / BYTES[type], 0);
  }

  /** Normally distributed floats, or 8-bit weights (scale `BYTE_SCALE`, zero point `BYTE_ZERO`) of the same spread. */
  random(name: string, dims: readonly number[], type: 'float' | 'uint8' = 'float'): string {
    const stored = type === 'float' ? this.#float : type;
    return this.#declare(name, dims, stored, (bytes) => this.#drawn(stored, bytes));
  }

  /** Floats that are given. */
  floats(name: string, dims: readonly number[], values: () => Float32Array, type = this.#float): string {
    return this.#declare(name, dims, type, () => bytesOf(type === 'float32' ? values() : floatToHalf(values())));
  }

  /** Integers that are given; a number alone is a scalar. */
  integers(values: number | readonly number[]): string {
    const list = typeof values === 'number' ? [values] : values;
    const name = `integers ${typeof values === 'number' ? String(values) : `[${values.join(',')}]`}`;
    return this.#declare(name, typeof values === 'number' ? [] : [list.length], 'int64', () =>
      bytesOf(BigInt64Array.from(list, BigInt)),
    );
  }

  /** The one number that stands for 0 in 8 bits. */
  byteZero(): string {
    return this.#declare('byte_zero', [], 'uint8', () => Uint8Array.of(BYTE_ZERO));
  }

  /**
   * The constants for a model that is written to `path`; those of more than `mostInsideBytes` get their values into `path`_data.
   * Small ones, which the runtime reads while it loads the graph, stay inside.
   */
  async initializers(path: string, mostInsideBytes = MOST_INSIDE_BYTES): Promise<Map<string, Uint8Array>> {
    const made = new Map<string, Uint8Array>();
    if (this.bytes <= mostInsideBytes) {
      for (const { name, dims, type, values } of this.#declared.values())
        made.set(name, rawInitializer(name, dims, type, values()));
      return made;
    }
    const file = await open(`${path}_data`, 'w');
    try {
      let offsetBytes = 0;
      for (const { name, dims, type, bytes, values } of this.#declared.values()) {
        if (bytes <= SMALL_BYTES) {
          made.set(name, rawInitializer(name, dims, type, values()));
          continue;
        }
        await file.writeFile(values());
        const place = { file: `${basename(path)}_data`, offsetBytes, lengthBytes: bytes };
        made.set(name, externalInitializer(name, dims, type, place));
        offsetBytes += bytes;
      }
    } finally {
      await file.close();
    }
    return made;
  }

  #declare(name: string, dims: readonly number[], type: WeightType, values: (bytes: number) => Uint8Array): string {
    const bytes = dims.reduce((product, dim) => product * dim, 1) * BYTES[type];
    if (!this.#declared.has(name)) this.#declared.set(name, { name, dims, type, bytes, values: () => values(bytes) });
    return name;
  }

  /** The next bytes of the endless repetition of the pool. */
  #drawn(type: WeightType, bytes: number): Uint8Array {
    const pool = this.#poolOf(type);
    const drawn = new Uint8Array(bytes);
    let taken = this.#taken.get(type) ?? 0;
    for (let at = 0; at < bytes;) {
      const part = pool.subarray(taken, taken + bytes - at);
      drawn.set(part, at);
      at += part.length;
      taken = (taken + part.length) % pool.length;
    }
    this.#taken.set(type, taken);
    return drawn;
  }

  #poolOf(type: WeightType): Uint8Array {
    const known = this.#pools.get(type);
    if (known !== undefined) return known;
    const random = seededRandom(1);
    // Box and Muller's normal numbers.
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const floats = Float32Array.from({ length: POOL }, () => DEVIATION * normal());
    const pool =
      type === 'uint8'
        ? Uint8Array.from(floats, (value) => Math.max(0, Math.min(255, Math.round(value / BYTE_SCALE) + BYTE_ZERO)))
        : bytesOf(type === 'float16' ? floatToHalf(floats) : floats);
    this.#pools.set(type, pool);
    return pool;
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array | BigInt64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
