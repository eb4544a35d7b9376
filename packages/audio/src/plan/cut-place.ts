import { WINDOW_SAMPLES } from '../detect/audio-window.js';

/** What is known about a window when an utterance has grown too long. */
export interface CutWindow {
  /** Root mean square, full scale 1. */
  readonly rms: number;
  /** False in a pause that was too short to end the utterance. */
  readonly speaking: boolean;
}

/** A stretch of speech that is longer than a chunk may be. Positions are samples of the stream. */
export interface OverlongStretch {
  readonly startSamples: number;
  /** Windows of the stretch, from `firstWindow` on. */
  readonly windows: readonly CutWindow[];
  readonly firstWindow: number;
  /** The longest that may stay in front of the cut. */
  readonly maxSamples: number;
  /** A forced cut stays this far from the limit, so that the overlap still fits. */
  readonly forcedMarginSamples: number;
}

/** Where to cut: in a pause, or by force at the quietest place. */
export interface CutPlace {
  readonly atSamples: number;
  readonly forced: boolean;
}

/** A quiet run that the detector did not report as a pause counts as one from this length on: closures of plosives are shorter (50 to 100 ms). */
const QUIET_PAUSE_WINDOWS = 4;
/** … and when it is this far below the level of the stretch: 20 dB. */
const QUIET_PAUSE_RATIO = 0.1;
/** A forced cut goes through the middle of the quietest run of this many windows. */
const QUIETEST_WINDOWS = 3;

/**
 * Chooses where to cut unbroken speech: in the last third of what a chunk may hold
 * 1. in the middle of the longest pause that the detector saw, the later of equals;
 * 2. else in the middle of the longest run of at least 128 ms that is 20 dB below the level of the whole;
 * 3. else by force at the quietest 96 ms.
 */
export function chooseCut(stretch: OverlongStretch): CutPlace {
  const { startSamples, windows, firstWindow, maxSamples } = stretch;
  const first = Math.max(0, Math.ceil((startSamples + (maxSamples * 2) / 3) / WINDOW_SAMPLES) - firstWindow);
  const last = Math.min(windows.length, Math.floor((startSamples + maxSamples) / WINDOW_SAMPLES) - firstWindow);
  const middle = (run: Run): number =>
    firstWindow * WINDOW_SAMPLES + Math.floor(((run.start + run.end) * WINDOW_SAMPLES) / 2);
  const pause = longestRun(windows, first, last, (window) => !window.speaking);
  if (pause !== null) return { atSamples: middle(pause), forced: false };
  const level = Math.sqrt(
    windows.reduce((power, window) => power + window.rms * window.rms, 0) / Math.max(1, windows.length),
  );
  const quiet = longestRun(windows, first, last, (window) => window.rms <= level * QUIET_PAUSE_RATIO);
  if (quiet !== null && quiet.end - quiet.start >= QUIET_PAUSE_WINDOWS)
    return { atSamples: middle(quiet), forced: false };
  const limitSamples = startSamples + maxSamples - stretch.forcedMarginSamples;
  const quietest = quietestRun(windows, first, Math.min(last, Math.floor(limitSamples / WINDOW_SAMPLES) - firstWindow));
  return { atSamples: quietest === null ? limitSamples : Math.min(middle(quietest), limitSamples), forced: true };
}

interface Run {
  readonly start: number;
  readonly end: number;
}

function longestRun(
  windows: readonly CutWindow[],
  first: number,
  last: number,
  belongs: (window: CutWindow) => boolean,
): Run | null {
  let longest: Run | null = null;
  let start: number | null = null;
  for (let index = first; index <= last; index++) {
    const window = index < last ? windows[index] : undefined;
    if (window !== undefined && belongs(window)) {
      start ??= index;
    } else if (start !== null) {
      if (longest === null || index - start >= longest.end - longest.start) longest = { start, end: index };
      start = null;
    }
  }
  return longest;
}

/** The later of equals; null when none fits. */
function quietestRun(windows: readonly CutWindow[], first: number, last: number): Run | null {
  let best: Run | null = null;
  let bestPower = Infinity;
  for (let start = first; start + QUIETEST_WINDOWS <= last; start++) {
    let power = 0;
    for (let offset = 0; offset < QUIETEST_WINDOWS; offset++) power += (windows[start + offset]?.rms ?? 0) ** 2;
    if (power > bestPower) continue;
    bestPower = power;
    best = { start, end: start + QUIETEST_WINDOWS };
  }
  return best;
}
