import type { RehearsalClock } from '../../../recognizer.js';
import { type OnnxSession, type OnnxTensor } from '@murmuration/onnx';
import { floatTensor, floatTypeOf, joinRows, type FloatType } from './graph-tensors.js';
import { ModelFault } from '../../../models/model-folder.js';

/**
 * The encoder: log-mel windows in, hidden states out; names and types are those of the session.
 * On a CPU one window a run: rows in one run are no faster (tiny.en int8, one thread: 291 ms alone, 297 ms a row at batch 8), need eight times
 * the memory (1.5 GB against 0.6), and an int8 export scales its activations over the run, so that a window's values would depend on the others.
 * On a graphics card what it gives stays there (see `openEncoder`), for the decoder's first step.
 */
export class EncoderGraph {
  readonly #session: OnnxSession;
  readonly #input: string;
  readonly #inputType: FloatType;
  readonly #output: string;
  readonly #mels: number;
  readonly #windowByWindow: boolean;
  #rehearsed: { readonly frames: number; readonly tensor: OnnxTensor; readonly ms: number } | null = null;
  /** True when it takes windows of any even number of frames, false when only 3,000. */
  readonly anyLength: boolean;

  /** Throws `ModelFault` `model_not_whisper` when the graph is no encoder for `mels` mel bins. */
  constructor(session: OnnxSession, mels: number, windowByWindow: boolean) {
    const input = session.inputs.find((spec) => spec.shape.length === 3);
    const output = session.outputs.find((spec) => spec.shape.length === 3);
    if (input === undefined || output === undefined)
      throw new ModelFault(
        'model_not_whisper',
        'the encoder graph has no input of three dimensions: it is no Whisper encoder',
      );
    const bins = input.shape[1];
    if (typeof bins === 'number' && bins !== mels)
      throw new ModelFault(
        'model_file_invalid',
        `the encoder graph takes ${String(bins)} mel bins, config.json says ${String(mels)}`,
      );
    this.anyLength = typeof input.shape[2] !== 'number';
    this.#session = session;
    this.#input = input.name;
    this.#inputType = floatTypeOf(input);
    this.#output = output.name;
    this.#mels = mels;
    this.#windowByWindow = windowByWindow;
  }

  /** Bytes that its session has taken from host memory and given there so far. */
  get hostBytes(): number {
    return this.#session.hostBytes;
  }

  /** @param features rows × mels × frames. @returns rows × positions × width, where the encoder computes; the caller's to dispose of. */
  async run(features: Float32Array, rows: number): Promise<OnnxTensor> {
    if (!this.#windowByWindow || rows === 1) return this.#encode(features, rows);
    const size = features.length / rows;
    const hidden: OnnxTensor[] = [];
    for (let row = 0; row < rows; row++)
      hidden.push(await this.#encode(features.subarray(row * size, (row + 1) * size), 1));
    return joinRows(hidden);
  }

  /** Hidden states of `rows` windows of no meaning, as `run` gives them, and how long a batch of so many takes. Windows that are encoded one by one are measured once a length. */
  async rehearse(
    rows: number,
    frames: number,
    clock: RehearsalClock,
  ): Promise<{ readonly tensor: OnnxTensor; readonly ms: number }> {
    const size = this.#mels * frames;
    const timed = async (count: number): Promise<{ tensor: OnnxTensor; ms: number }> => {
      const features = Float32Array.from({ length: size * count }, (_, at) => Math.sin(at * at));
      const began = clock();
      const tensor = await this.#encode(features, count);
      return { tensor, ms: clock() - began };
    };
    if (!this.#windowByWindow) return timed(rows);
    if (this.#rehearsed?.frames !== frames) this.#rehearsed = { frames, ...(await timed(1)) };
    const { tensor, ms } = this.#rehearsed;
    return { tensor: joinRows(Array.from({ length: rows }, () => tensor)), ms: rows * ms };
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async #encode(features: Float32Array, rows: number): Promise<OnnxTensor> {
    const tensor = floatTensor(this.#inputType, features, [rows, this.#mels, features.length / rows / this.#mels]);
    const results = await this.#session.run({ [this.#input]: tensor }, [this.#output]);
    const hidden = results[this.#output];
    if (hidden === undefined) throw new Error('the encoder gave no output');
    return hidden;
  }
}
