import type { RehearsalClock } from '../../../recognizer.js';
import type { TokenChooser } from '../decoding/token-chooser.js';
import type { Decoder } from './decoder.js';
import { disposeState, type DecoderState } from './cache-rows.js';
import type { EncoderGraph } from './encoder-graph.js';
import type { RehearsedTimes } from './speech-model.js';

/** Further steps of a rehearsal: the first of them still sets memory aside. */
const REHEARSED_STEPS = 4;

/** What is run for a rehearsal. */
interface Graphs {
  readonly encoder: EncoderGraph;
  readonly decoder: Decoder;
  readonly chooser: TokenChooser;
}

/** A batch as `SpeechModel.rehearse` has it. */
interface RehearsedBatch {
  readonly rows: number;
  readonly frames: number;
  readonly prompt: readonly number[];
  readonly clock: RehearsalClock;
  readonly beside: boolean;
}

/** Runs the shapes of a batch, and measures its parts: see `SpeechModel.rehearse`. */
export async function rehearseModel(graphs: Graphs, batch: RehearsedBatch): Promise<RehearsedTimes> {
  const { encoder, decoder } = graphs;
  const { rows, frames, prompt, clock, beside } = batch;
  const hostBytes = (): number => encoder.hostBytes + decoder.hostBytes;
  const bytesAtStart = hostBytes();
  const { tensor: hidden, ms: encodeMs } = await encoder.rehearse(rows, frames, clock);
  try {
    const ids = BigInt64Array.from(Array.from({ length: rows }, () => prompt).flat(), BigInt);
    const began = clock();
    const { state } = await decoder.first(hidden, ids, rows, [0], false);
    const firstMs = clock() - began;
    const bytesBefore = hostBytes();
    try {
      const stepMs = await rehearseSteps(graphs, state, BigInt(prompt.at(-1) ?? 0), clock);
      const stepHostBytes = (hostBytes() - bytesBefore) / REHEARSED_STEPS;
      if (beside) (await encoder.rehearse(rows, frames, clock)).tensor.dispose();
      return { encodeMs, firstMs, stepMs, stepHostBytes, windowHostBytes: bytesBefore - bytesAtStart };
    } finally {
      disposeState(state);
    }
  } finally {
    hidden.dispose();
  }
}

/** Milliseconds of the fastest step. */
async function rehearseSteps(
  { decoder, chooser }: Graphs,
  state: DecoderState,
  token: bigint,
  clock: RehearsalClock,
): Promise<number> {
  const ids = new BigInt64Array(state.rows).fill(token);
  const limits = Array.from({ length: state.rows }, () => chooser.allowedAfter([], true));
  let fastestMs = Infinity;
  for (let step = 0; step < REHEARSED_STEPS; step++) {
    const began = clock();
    await decoder.next(state, ids, limits, false);
    fastestMs = Math.min(fastestMs, clock() - began);
  }
  return fastestMs;
}
