import { pausesOf, type AudioFacts } from '../filters/audio-facts.js';

/** A stretch of speech, milliseconds of the chunk. */
export interface SpeechRun {
  readonly startMs: number;
  readonly endMs: number;
}

/** Silence as long as this parts two runs where no detector has listened. */
const RUN_PAUSE_MS = 400;
/** The detector's edges are moved to where the sound begins and ends, by at most this. */
const EDGE_MS = 400;

/**
 * The runs of speech in a chunk: what the detector heard, its edges at the sound; without a detector, what is loud between pauses.
 * @param detected ascending, or null
 */
export function speechRuns(audio: AudioFacts, detected: readonly SpeechRun[] | null): SpeechRun[] {
  const pauses = pausesOf(audio, RUN_PAUSE_MS);
  const first = detected?.[0];
  const last = detected?.at(-1);
  // One run over all is what a recording has whose speech was not detected.
  if (detected !== null && first !== undefined && last !== undefined && (first !== last || first.startMs > 0 || last.endMs < audio.durationMs)) return detected.map((run) => atSound(run, pauses));
  const runs: SpeechRun[] = [];
  let startMs = 0;
  for (const pause of [...pauses, { startMs: audio.durationMs, endMs: audio.durationMs }]) {
    if (pause.startMs > startMs) runs.push({ startMs, endMs: Math.min(pause.startMs, audio.durationMs) });
    startMs = pause.endMs;
  }
  return runs.length === 0 ? [{ startMs: 0, endMs: audio.durationMs }] : runs;
}

function atSound(run: SpeechRun, pauses: readonly SpeechRun[]): SpeechRun {
  const into = pauses.find((pause) => pause.startMs <= run.startMs && pause.endMs > run.startMs);
  const outOf = pauses.find((pause) => pause.startMs < run.endMs && pause.endMs >= run.endMs);
  return {
    startMs: Math.min(into?.endMs ?? run.startMs, run.startMs + EDGE_MS, run.endMs),
    endMs: Math.max(outOf?.startMs ?? run.endMs, run.endMs - EDGE_MS, run.startMs),
  };
}
