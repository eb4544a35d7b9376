import { endsSentence } from '@murmuration/contracts';
import type { SpeechRun } from './speech-runs.js';
import type { TimedWord } from './timed-words.js';

/** What it costs to part the text at a pause, as milliseconds of a word in the wrong run: nothing where a sentence ends. */
const AT_MARK = 150;
const INSIDE = 400;
/** Where words have no times of their own, the text says more about where a pause is than they do. */
const ESTIMATED_WEIGHT = 3;
/** A run without a word costs its length, up to this: the model may have left a noise out. */
const LONGEST_EMPTY_MS = 600;

/** A word that the alignment left without length lies with its neighbours: its own time counts up to this. */
const NO_LENGTH_MS = 300;

const MARK = /\p{P}$/u;

/**
 * The run in which each word was said, in order: the one that holds most of its time, but for what the text says about where its pauses are.
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
        if (cost < best) { best = cost; origin = q; }
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

/** How much of the word sounds in other runs; where it sounds in none of them, how far it is from this one. */
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
