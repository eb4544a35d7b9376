import type { OnnxTensor } from '@murmuration/onnx';

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
