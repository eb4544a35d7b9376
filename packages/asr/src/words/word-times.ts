import { loudMs, pausesOf, type AudioFacts, type Pause } from '../filters/audio-facts.js';

/**
 * The cheapest monotonic path through a cost matrix (dynamic time warping with steps of one row, one column or both).
 * @param cost rows × columns, row by row; lower is better
 * @returns for each row the first column of the path in it
 */
export function firstColumns(cost: Float32Array, rows: number, columns: number): Int32Array {
  const width = columns + 1;
  const total = new Float32Array((rows + 1) * width).fill(Infinity);
  const step = new Uint8Array((rows + 1) * width);
  total[0] = 0;
  for (let i = 1; i <= rows; i++) {
    for (let j = 1; j <= columns; j++) {
      const here = i * width + j;
      const both = total[here - width - 1] ?? Infinity;
      const down = total[here - width] ?? Infinity;
      const right = total[here - 1] ?? Infinity;
      const move = both < down && both < right ? BOTH : down < both && down < right ? DOWN : RIGHT;
      step[here] = move;
      total[here] = (cost[(i - 1) * columns + j - 1] ?? 0) + (move === BOTH ? both : move === DOWN ? down : right);
    }
  }
  const first = new Int32Array(rows);
  for (let i = rows, j = columns; i > 0;) {
    first[i - 1] = Math.max(0, j - 1);
    const move = j === 0 ? DOWN : step[i * width + j];
    if (move !== DOWN) j--;
    if (move !== RIGHT) i--;
  }
  return first;
}

const BOTH = 0;
const DOWN = 1;
const RIGHT = 2;

/** A segment, or a word with its text; its time in milliseconds of the chunk is changed in place. */
export interface SaidStretch {
  startMs: number;
  endMs: number;
  readonly word?: string;
}

/** Silence as long as this lies between words, not in them: the closure of a stop is shorter. */
const PAUSE_MS = 200;
/** Speech may begin this much before it is loud and end this much after, because first and last sounds are quiet. */
const QUIET_MS = 200;
/** A word that begins up to this much after a sound that no other word covers began with that sound. */
const LATE_MS = 600;
/** A word before a pause may reach this far past the sound after the pause. */
const REACH_MS = 60;

const SENTENCE_END = /[.。!！?？]["'”’)]?$/u;

/**
 * Corrects times at the pauses between sentences by the audio. Attention and time tokens say well where a word lies, but not where in a pause
 * it begins or ends. (First words of 107 clips joined with pauses, tiny.en int8: 13 were more than 0.3 s from the sound, the worst 0.6 s; after this none.)
 * Inside sentences the reference's times stay.
 * - A word that spans a pause lies on the side where more of it sounds; what lies in one, at the nearer end, but where it ends a sentence at the beginning.
 * - What begins in a pause begins with the sound after it, or 0.2 s before; what ends in one, ends with the sound before it, or 0.2 s after.
 * - What begins a little after a sound that nothing else claims begins with it.
 * @param said segments, or the words of all segments, in order of time
 */
export function startAtSound(said: readonly SaidStretch[], audio: AudioFacts): void {
  for (const pause of pausesOf(audio, PAUSE_MS)) {
    const found = said.findIndex((one) => isAfter(one, pause, audio));
    const after = found < 0 ? said.length : found;
    if (!opensSentence(said, after)) continue;
    const before = said.slice(0, after);
    endWithSound(before, pause);
    const next = said[after];
    if (next === undefined || next.startMs > pause.endMs + LATE_MS) continue;
    if (next.startMs < pause.endMs - QUIET_MS) next.startMs = pause.endMs - QUIET_MS;
    else if (next.startMs > pause.endMs && (before.at(-1)?.endMs ?? 0) <= pause.endMs + REACH_MS)
      next.startMs = pause.endMs;
    // What was placed before its own sound lasts until what follows it.
    if (next.endMs <= pause.endMs) next.endMs = Math.max(next.startMs, said[after + 1]?.startMs ?? next.endMs);
  }
}

function opensSentence(said: readonly SaidStretch[], index: number): boolean {
  const before = said[index - 1];
  return before?.word === undefined || SENTENCE_END.test(before.word);
}

function endWithSound(before: readonly SaidStretch[], pause: Pause): void {
  // Speech that begins the chunk has no pause before it to end in.
  if (pause.startMs === 0) return;
  const latestMs = Math.min(pause.startMs + QUIET_MS, pause.endMs);
  for (const one of before) {
    // A segment may go on after a pause.
    if (one.startMs > pause.endMs || (one.word === undefined && one.endMs > pause.endMs)) continue;
    one.endMs = Math.min(one.endMs, latestMs);
    one.startMs = Math.min(one.startMs, latestMs);
  }
}

function isAfter({ startMs, endMs, word }: SaidStretch, pause: Pause, audio: AudioFacts): boolean {
  if (endMs <= pause.endMs)
    return startMs >= pause.startMs && startMs + endMs >= pause.startMs + pause.endMs && !SENTENCE_END.test(word ?? '');
  return (
    startMs >= pause.startMs ||
    (word !== undefined && loudMs(audio, pause.endMs, endMs) > loudMs(audio, startMs, pause.startMs))
  );
}
