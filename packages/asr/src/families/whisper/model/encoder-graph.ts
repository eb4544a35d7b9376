import { type OnnxSession, type OnnxTensor } from '@murmuration/onnx';
import { WINDOW_FRAMES } from '../features/log-mel.js';
import { floatTensor, floatTypeOf, joinRows, type FloatType } from './graph-tensors.js';
import { ModelFault } from '../../../models/model-folder.js';

/**
 * The encoder: log-mel windows in, hidden states out; names and types are those of the session.
 * On a CPU one window a run: rows in one run are no faster (tiny.en int8, one thread: 291 ms alone, 297 ms a row at batch 8), need eight times
 * the memory (1.5 GB against 0.6), and an int8 export scales its activations over the run, so that a window's values would depend on the others.
 */
export class EncoderGraph {
  readonly #session: OnnxSession;
  readonly #input: string;
  readonly #inputType: FloatType;
  readonly #output: string;
  readonly #mels: number;
  readonly #windowByWindow: boolean;

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
    this.#session = session;
    this.#input = input.name;
    this.#inputType = floatTypeOf(input);
    this.#output = output.name;
    this.#mels = mels;
    this.#windowByWindow = windowByWindow;
  }

  /** @param features rows × mels × 3,000. @returns rows × positions × width. */
  async run(features: Float32Array, rows: number): Promise<OnnxTensor> {
    if (!this.#windowByWindow || rows === 1) return this.#encode(features, rows);
    const size = features.length / rows;
    const hidden: OnnxTensor[] = [];
    for (let row = 0; row < rows; row++)
      hidden.push(await this.#encode(features.subarray(row * size, (row + 1) * size), 1));
    return joinRows(hidden);
  }

  /** Hidden states of `rows` windows of no meaning; `share` is how many times the work that was done a batch of so many rows takes. */
  async rehearse(rows: number): Promise<{ readonly tensor: OnnxTensor; readonly share: number }> {
    const size = this.#mels * WINDOW_FRAMES;
    const features = Float32Array.from({ length: this.#windowByWindow ? size : size * rows }, (_, at) =>
      Math.sin(at * at),
    );
    if (!this.#windowByWindow) return { tensor: await this.#encode(features, rows), share: 1 };
    const one = await this.#encode(features, 1);
    return { tensor: joinRows(Array.from({ length: rows }, () => one)), share: rows };
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async #encode(features: Float32Array, rows: number): Promise<OnnxTensor> {
    const tensor = floatTensor(this.#inputType, features, [rows, this.#mels, WINDOW_FRAMES]);
    const results = await this.#session.run({ [this.#input]: tensor }, [this.#output]);
    const hidden = results[this.#output];
    if (hidden === undefined) throw new Error('the encoder gave no output');
    return hidden;
  }
}
