import type { Segment, Word } from '@murmuration/contracts';
import { endsSentence, UNSPACED_SCRIPTS } from '@murmuration/contracts/join-texts';
import { pausesOf, timesBySound, type AudioFacts } from '../filters/audio-facts.js';

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
  // A recording whose speech was not detected has one run over all of it.
  if (
    detected !== null &&
    first !== undefined &&
    last !== undefined &&
    (first !== last || first.startMs > 0 || last.endMs < audio.durationMs)
  )
    return detected.map((run) => atSound(run, pauses));
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

/** A word on its way into a segment; its time is changed in place. */
export interface TimedWord extends Word {
  /** True when the time is a guess from the letters before it. */
  readonly estimated: boolean;
}

/** A word with the space before it; in scripts without spaces, a character. */
const UNIT = new RegExp(`\\s*(?:[${UNSPACED_SCRIPTS}]\\p{M}*[^\\s\\p{L}\\p{N}]*|[^\\s${UNSPACED_SCRIPTS}]+)`, 'gu');
const FRAME_MS = 20;

/** A segment's words with their times; where it has none, its text spread by letters over what is loud of it. One word for all where words and text differ. */
export function timedWords(segment: Segment, audio: AudioFacts): TimedWord[] {
  const { words, text, startMs, endMs, confidence } = segment;
  const whole = { word: text, startMs, endMs, probability: confidence, estimated: words === undefined };
  if (words === undefined) return spread(text.match(UNIT) ?? [], segment, audio);
  if (letters(words.map((word) => word.word).join('')) !== letters(text)) return [whole];
  return words.map((word) => ({ ...word, estimated: word.approximate === true }));
}

/** Characters that are not space: words and tokens are matched to text by counting them. */
export function letters(text: string): number {
  return text.replace(/\s+/gu, '').length;
}

function spread(units: readonly string[], { startMs, endMs, confidence }: Segment, audio: AudioFacts): TimedWord[] {
  const [first, last] = [Math.floor(startMs / FRAME_MS), Math.ceil(endMs / FRAME_MS)];
  const timeOf = timesBySound({
    durationMs: endMs - startMs,
    frameRms: audio.frameRms.subarray(first, last),
    loudFrom: audio.loudFrom.subarray(first, last),
  });
  const total = units.reduce((sum, unit) => sum + letters(unit), 0);
  let said = 0;
  return units.map((word) => {
    const fromMs = startMs + timeOf(said / total).fromMs;
    said += letters(word);
    return {
      word,
      startMs: fromMs,
      endMs: Math.max(fromMs, startMs + timeOf(said / total).untilMs),
      probability: confidence,
      estimated: true,
    };
  });
}

/** The cost of splitting the text at a pause, in milliseconds of a word in the wrong run. It is free where a sentence ends. */
const AT_MARK = 150;
const INSIDE = 400;
/** Where words have no times of their own, the text says more about where a pause is than they do. */
const ESTIMATED_WEIGHT = 3;
/** A run without a word costs its length, up to this: the model may have left a noise out. */
const LONGEST_EMPTY_MS = 600;

/** A word that the alignment left without length stays with its neighbours: its own time counts up to this much. */
const NO_LENGTH_MS = 300;

const MARK = /\p{P}$/u;

/**
 * The run in which each word was said, in order: the run that holds most of the word's time, unless the text suggests that the pause lies elsewhere.
 * (Attention stretches the word at a pause over the pause, and sometimes a little over what follows.)
 * @param words in order
 * @param runs ascending, at least one
 */
export function assignRuns(words: readonly TimedWord[], runs: readonly SpeechRun[]): number[] {
  const skipped = [0];
  for (const run of runs) skipped.push((skipped.at(-1) ?? 0) + Math.min(LONGEST_EMPTY_MS, run.endMs - run.startMs));
  const emptyBetween = (from: number, to: number): number => (skipped[to] ?? 0) - (skipped[from] ?? 0);
  const from: number[][] = [];
  let costs: number[] = [];
  words.forEach((word, i) => {
    const parting = partingCost(words[i - 1]?.word, word.word) * (word.estimated ? ESTIMATED_WEIGHT : 1);
    const origins: number[] = [];
    const before = costs;
    costs = runs.map((run, r) => {
      let best = i === 0 ? emptyBetween(0, r) : Infinity;
      let origin = r;
      for (let q = 0; q <= r && i > 0; q++) {
        const cost = (before[q] ?? Infinity) + (q === r ? 0 : parting + emptyBetween(q + 1, r));
        if (cost < best) {
          best = cost;
          origin = q;
        }
      }
      origins.push(origin);
      return best + misplacedMs(word, run, runs);
    });
    from.push(origins);
  });
  costs = costs.map((cost, r) => cost + emptyBetween(r + 1, runs.length));
  let run = costs.indexOf(Math.min(...costs));
  const assigned: number[] = [];
  for (let i = words.length - 1; i >= 0; i--) {
    assigned.unshift(run);
    run = from[i]?.[run] ?? run;
  }
  return assigned;
}

function partingCost(before: string | undefined, after: string): number {
  if (before === undefined || endsSentence(before, after)) return 0;
  return MARK.test(before.trim()) ? AT_MARK : INSIDE;
}

/** How much of the word lies in other runs. When it lies in none, how far it is from this one. */
function misplacedMs({ startMs, endMs, estimated }: TimedWord, run: SpeechRun, runs: readonly SpeechRun[]): number {
  const own = commonMs(startMs, endMs, run);
  const all = runs.reduce((sum, one) => sum + commonMs(startMs, endMs, one), 0);
  if (all > 0) return all - own;
  const awayMs = Math.max(0, run.startMs - endMs, startMs - run.endMs);
  return !estimated && startMs === endMs ? Math.min(NO_LENGTH_MS, awayMs) : awayMs;
}

function commonMs(startMs: number, endMs: number, run: SpeechRun): number {
  return Math.max(0, Math.min(endMs, run.endMs) - Math.max(startMs, run.startMs));
}
