import { type OnnxTensor, RowPicker, type SessionOptions } from '@murmuration/onnx';
import { asType, type FloatType, pickPositions, pickRows } from './graph-tensors.js';

/** Keys and values that the decoder keeps between steps, for some rows. Owned by the loop that runs it. */
export interface DecoderState {
  rows: number;
  /** What the encoder gave; null where later steps do not take it. */
  hidden: OnnxTensor | null;
  /** True when `hidden` was made for this state and goes with it; else it is the caller's, and stays alive as long as the state. */
  ownsHidden: boolean;
  /** By input name: those of the audio, made once. */
  encoder: Record<string, OnnxTensor>;
  /** By input name: those of the tokens, one longer at each step. */
  decoder: Record<string, OnnxTensor>;
}

/** Which row becomes which when those that are done are taken out: the last that stay move to the places that are free. */
export function survivingRows(done: readonly boolean[]): number[] {
  const last = done.flatMap((one, row) => (one ? [] : [row]));
  const count = last.length;
  return Array.from({ length: count }, (_, row) => (done[row] === true ? (last.pop() ?? row) : row));
}

/** Gives up what the decoder kept for a state. */
export function disposeState(state: DecoderState): void {
  for (const tensor of [...Object.values(state.encoder), ...Object.values(state.decoder)]) tensor.dispose();
  if (state.ownsHidden) state.hidden?.dispose();
}

/** Takes a step's longer caches in place of those before. */
export function replaceCaches(state: DecoderState, caches: Readonly<Record<string, OnnxTensor>>): void {
  for (const [name, tensor] of Object.entries(caches)) {
    state.decoder[name]?.dispose();
    state.decoder[name] = tensor;
  }
}

/**
 * The rows of what lies where the decoder computes: its caches, whose rows end one by one, and the encoder's states. Where their memory can be reached
 * (the machine's own), a row of a cache is taken out at once: the last takes its place, so that one row is copied. On a graphics card all that stay are
 * copied, once half of the rows are done.
 */
export class CacheRows {
  /** Share of the rows at most still writing before those that are done are taken out. */
  readonly compactAt: number;
  readonly #picker: RowPicker | null;

  /** @param options of the decoder's sessions */
  constructor(options: SessionOptions, picker = options.device === 'cpu' ? null : new RowPicker(options)) {
    this.compactAt = picker === null ? 1 : 0.5;
    this.#picker = picker;
  }

  /** Keeps only these rows: `rows[i]` becomes row i, and is i or at least `rows.length`. */
  async keep(state: DecoderState, rows: readonly number[]): Promise<void> {
    const kept = async (tensor: OnnxTensor): Promise<OnnxTensor> => {
      if (this.#picker === null) return tensor.keepRows(rows);
      const fewer = await this.#picker.pick(tensor, rows);
      tensor.dispose();
      return fewer;
    };
    for (const cache of [state.encoder, state.decoder])
      for (const [name, tensor] of Object.entries(cache)) cache[name] = await kept(tensor);
    if (state.hidden !== null) await this.#keepHidden(state, state.hidden, rows.length);
    state.rows = rows.length;
  }

  /** The rows named of the encoder's states, as a new tensor in the same place. */
  part(hidden: OnnxTensor, rows: readonly number[]): Promise<OnnxTensor> {
    return hidden.place === 'host' ? Promise.resolve(pickRows(hidden, rows)) : this.#onCard().pick(hidden, rows);
  }

  /** Positions `from` to `to` of one row of the encoder's states, as `pickPositions` gives them, as a new tensor in the same place. */
  async stretch(hidden: OnnxTensor, row: number, from: number, to: number, length: number | null): Promise<OnnxTensor> {
    if (hidden.place === 'host') return pickPositions(hidden, row, from, to, length);
    const count = length ?? to - from;
    const whole = await this.part(hidden, [row]);
    try {
      const positions = Array.from({ length: count }, (_, at) => from + (at % (to - from)));
      return await this.#onCard().pick(whole, positions, { axis: 1 });
    } finally {
      whole.dispose();
    }
  }

  /** The encoder's states in the type that a decoder takes: a new tensor in the same place, or the tensor itself where nothing changes. */
  async typed(hidden: OnnxTensor, type: FloatType): Promise<OnnxTensor> {
    if (hidden.type === type || hidden.place === 'host') return asType(hidden, type);
    return this.#onCard().pick(hidden, upTo(hidden.dims[0] ?? 0), { type });
  }

  async close(): Promise<void> {
    await this.#picker?.close();
  }

  /** With a cache the graph reads of the states only how many rows there are: any will do. */
  async #keepHidden(state: DecoderState, hidden: OnnxTensor, rows: number): Promise<void> {
    if (hidden.place === 'host') {
      state.hidden = hidden.keepRows(upTo(rows));
      return;
    }
    const fewer = await this.part(hidden, upTo(rows));
    if (state.ownsHidden) hidden.dispose();
    state.hidden = fewer;
    state.ownsHidden = true;
  }

  #onCard(): RowPicker {
    if (this.#picker === null) throw new Error('the encoder kept its states on a device, the decoder has none');
    return this.#picker;
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}
