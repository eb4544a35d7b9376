import { readFile } from 'node:fs/promises';
import {
  float32Tensor,
  openSession,
  parseModel,
  serializeModel,
  type OnnxSession,
  type OnnxTensor,
  type SessionOptions,
} from '@murmuration/onnx';
import { rewriteLinearLayers, type LinearArithmetic } from '../../graph/linear-layers.js';

/** Samples below which a chunk is filled up with silence: the reference refuses less than 0.1 s, the convolutions need 895. */
const MIN_SAMPLES = 1_600;

/**
 * Sound to frames of 24 ms, one chunk a run. Rows in one run are no faster (11 s chunks, one thread: 104 ms alone, 114 ms a row
 * at batch 8), and alone a chunk needs no padding and its int8 scales are its own.
 */
export class MoonshineEncoder {
  readonly #session: OnnxSession;
  readonly #input: string;
  readonly #output: string;

  private constructor(session: OnnxSession) {
    const [input] = session.inputs;
    const [output] = session.outputs;
    if (input === undefined || output === undefined) throw new RangeError('the encoder has no input or output');
    this.#session = session;
    this.#input = input.name;
    this.#output = output.name;
  }

  /** With `int8-per-row` the file is used as it is: its scales are for the whole tensor, and that is one chunk. */
  static async load(path: string, arithmetic: LinearArithmetic, options: SessionOptions): Promise<MoonshineEncoder> {
    if (arithmetic === 'int8-per-row') return new MoonshineEncoder(await openSession(path, options));
    const model = parseModel(await readFile(path));
    rewriteLinearLayers(model.graph, arithmetic);
    return new MoonshineEncoder(await openSession(serializeModel(model), options));
  }

  /** Bytes that it has taken from host memory and given there so far. */
  get hostBytes(): number {
    return this.#session.hostBytes;
  }

  /** @param pcm mono, 16 kHz, [-1, 1], of any length; @returns float32 [1, frames, width] */
  async encode(pcm: Float32Array): Promise<OnnxTensor> {
    let samples = pcm;
    if (pcm.length < MIN_SAMPLES) {
      samples = new Float32Array(MIN_SAMPLES);
      samples.set(pcm);
    }
    const results = await this.#session.run({ [this.#input]: float32Tensor(samples, [1, samples.length]) });
    const heard = results[this.#output];
    if (heard === undefined) throw new Error(`the encoder gave no ${this.#output}`);
    return heard;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}

/** Frames that the encoder makes of so many samples: three convolutions (127 by 64, 7 by 3, 3 by 2). */
export function encoderFrames(samples: number): number {
  const first = Math.floor((Math.max(samples, MIN_SAMPLES) - 127) / 64) + 1;
  const second = Math.floor((first - 7) / 3) + 1;
  return Math.floor((second - 3) / 2) + 1;
}
