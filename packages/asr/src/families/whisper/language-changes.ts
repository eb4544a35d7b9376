import { loudMs, pausesOf, type AudioFacts } from '../../filters/audio-facts.js';

/** A language, and how sure it is. */
export interface DetectedLanguage {
  /** ISO code. */
  readonly language: string;
  /** Among all languages of the model, 0 to 1. */
  readonly probability: number;
}

/** Probability of each language of a model, 0 to 1, by its code; together 1. */
export type LanguageShares = ReadonlyMap<string, number>;

/** The likeliest of them. */
export function likeliest(shares: LanguageShares): DetectedLanguage {
  let best: DetectedLanguage = { language: 'en', probability: 0 };
  for (const [language, probability] of shares) if (probability > best.probability) best = { language, probability };
  return best;
}

/** A language changes where speech pauses as long as this at least, … */
const PAUSE_MS = 300;
/** … and is not told from less sound than this: shorter stretches count to the nearer neighbour. */
const LEAST_LOUD_MS = 1_000;
/** From this probability on a stretch is sure to be in its language. Below it, it is listened to by itself, … */
export const SURE = 0.8;
/** … and then believed from here on; else it is taken to be in the language around it, … */
const BELIEVED = 0.5;
/** … which it is taken for as well where that is as likely as this: languages that are near to each other are easily mixed up. */
const LIKELY = 0.3;

/** A stretch of speech between pauses, milliseconds of the chunk. */
export interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
  readonly loudMs: number;
}
/** … and what was heard in it. */
export interface HeardStretch extends Stretch {
  readonly shares: LanguageShares;
}

/** Speech between pauses; what is too short to tell a language counts to its nearer neighbour. */
export function stretchesOf(facts: AudioFacts, startMs: number, endMs: number): Stretch[] {
  const found: Stretch[] = [];
  let fromMs = startMs;
  const end = Math.min(endMs, facts.durationMs);
  for (const pause of [...pausesOf(facts, PAUSE_MS), { startMs: end, endMs: end }]) {
    const toMs = Math.min(pause.startMs, end);
    if (toMs > fromMs) found.push({ startMs: fromMs, endMs: toMs, loudMs: loudMs(facts, fromMs, toMs) });
    fromMs = Math.max(fromMs, pause.endMs);
  }
  for (let short = shortest(found); short !== null; short = shortest(found)) {
    const first = gapAfter(found, short - 1) <= gapAfter(found, short) ? short - 1 : short;
    const [left, right] = [found[first], found[first + 1]];
    if (left === undefined || right === undefined) break;
    found.splice(first, 2, { startMs: left.startMs, endMs: right.endMs, loudMs: left.loudMs + right.loudMs });
  }
  return found;
}

/** Milliseconds between a stretch and the next; without either, infinitely many. */
function gapAfter(stretches: readonly Stretch[], index: number): number {
  const [left, right] = [stretches[index], stretches[index + 1]];
  return left === undefined || right === undefined ? Infinity : right.startMs - left.endMs;
}

/** Index of the shortest of the stretches that are too short; null where there is none, or nothing to join it to. */
function shortest(stretches: readonly Stretch[]): number | null {
  if (stretches.length < 2) return null;
  let found: number | null = null;
  stretches.forEach((one, i) => {
    if (one.loudMs < Math.min(LEAST_LOUD_MS, stretches[found ?? -1]?.loudMs ?? Infinity)) found = i;
  });
  return found;
}

/** The language of most speech, and its mean probability over all of it. */
export function mainOf(heard: readonly HeardStretch[]): DetectedLanguage {
  const total = heard.reduce((sum, one) => sum + one.loudMs, 0);
  const shares = new Map<string, number>();
  for (const one of heard)
    for (const [language, share] of one.shares)
      shares.set(language, (shares.get(language) ?? 0) + (share * one.loudMs) / Math.max(1, total));
  return likeliest(shares);
}

/** Stretches of one language in a row as one run, from pause to pause over the whole chunk. */
export function runsOf(
  heard: readonly HeardStretch[],
  durationMs: number,
): (DetectedLanguage & { startMs: number; endMs: number })[] {
  const main = mainOf(heard).language;
  const sure = heard.map(({ shares }) => {
    const best = likeliest(shares);
    if ((shares.get(main) ?? 0) >= LIKELY) return main;
    return best.probability >= BELIEVED ? best.language : null;
  });
  const runs: (DetectedLanguage & { startMs: number; endMs: number; weighted: number; loudMs: number })[] = [];
  heard.forEach((one, i) => {
    const language =
      sure[i] ??
      sure.slice(0, i).findLast((known) => known !== null) ??
      sure.slice(i).find((known) => known !== null) ??
      main;
    const weighted = (one.shares.get(language) ?? 0) * one.loudMs;
    const last = runs.at(-1);
    if (last?.language === language) {
      Object.assign(last, { endMs: one.endMs, weighted: last.weighted + weighted, loudMs: last.loudMs + one.loudMs });
      return;
    }
    const borderMs = last === undefined ? 0 : Math.round((last.endMs + one.startMs) / 2);
    if (last !== undefined) last.endMs = borderMs;
    runs.push({ language, probability: 0, startMs: borderMs, endMs: one.endMs, weighted, loudMs: one.loudMs });
  });
  const last = runs.at(-1);
  if (last !== undefined) last.endMs = durationMs;
  return runs.map(({ language, startMs, endMs, weighted, loudMs: loud }) => ({
    language,
    startMs,
    endMs,
    probability: weighted / Math.max(1, loud),
  }));
}
