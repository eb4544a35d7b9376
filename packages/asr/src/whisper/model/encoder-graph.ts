import { type OnnxSession, type OnnxTensor } from '@murmuration/onnx';
import { WINDOW_FRAMES } from '../features/log-mel.js';
import { floatTensor, floatTypeOf, type FloatType } from './graph-tensors.js';
import { ModelFault } from './model-fault.js';

/** The encoder: log-mel windows in, hidden states out; names and types are those of the session. */
export class EncoderGraph {
  readonly #session: OnnxSession;
  readonly #input: string;
  readonly #inputType: FloatType;
  readonly #output: string;
  readonly #mels: number;

  /** Throws `ModelFault` `model_not_whisper` when the graph is no encoder for `mels` mel bins. */
  constructor(session: OnnxSession, mels: number) {
    const input = session.inputs.find((spec) => spec.shape.length === 3);
    const output = session.outputs.find((spec) => spec.shape.length === 3);
    if (input === undefined || output === undefined) throw new ModelFault('model_not_whisper', 'the encoder graph has no input of three dimensions: it is no Whisper encoder');
    const bins = input.shape[1];
    if (typeof bins === 'number' && bins !== mels) throw new ModelFault('model_file_invalid', `the encoder graph takes ${String(bins)} mel bins, config.json says ${String(mels)}`);
    this.#session = session;
    this.#input = input.name;
    this.#inputType = floatTypeOf(input);
    this.#output = output.name;
    this.#mels = mels;
  }

  /** @param features rows × mels × 3,000. Answers rows × positions × width. */
  async run(features: Float32Array, rows: number): Promise<OnnxTensor> {
    const tensor = floatTensor(this.#inputType, features, [rows, this.#mels, WINDOW_FRAMES]);
    const results = await this.#session.run({ [this.#input]: tensor }, [this.#output]);
    const hidden = results[this.#output];
    if (hidden === undefined) throw new Error('the encoder gave no output');
    return hidden;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}
