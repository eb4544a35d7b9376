import {
  joinTexts,
  samplesToMs,
  type PlannedChunk,
  type Recognition,
  UNSPACED_SCRIPTS,
  spaceBetween,
} from '@murmuration/contracts';
import type { FinalBody, LiveItem, PartialBody, PickedPartial } from '@murmuration/store';
import { toRecordingTime } from '@murmuration/transcript';

/** A partial's text and how much of its beginning is settled. */
interface StableText {
  readonly text: string;
  /** Characters of `text` that no later partial of the utterance changes. */
  readonly stableChars: number;
}

/** How far from its own place the end of the settled words is looked for in a new hypothesis. */
const ALIGN_WORDS = 3;

/** A word with the space before it; of a script without spaces, one character with its marks and punctuation. */
const WORD = new RegExp(` ?(?:[${UNSPACED_SCRIPTS}]\\p{M}*[^\\s\\p{L}\\p{M}\\p{N}]*|[^\\s${UNSPACED_SCRIPTS}]+)`, 'gu');

/**
 * Local agreement: what two partials in a row begin with, but for the last word of either, is settled and stays as it is.
 * A hypothesis that changes it again is made to begin with it.
 * @param textBefore the partial before, or ''
 * @param stableBefore what of it was settled
 */
export function stableText(hypothesis: string, textBefore: string, stableBefore: string): StableText {
  const settled = wordsOf(stableBefore);
  const words = continued(settled, wordsOf(hypothesis));
  const before = wordsOf(textBefore);
  const most = Math.min(words.length, before.length) - 1;
  let agreed = 0;
  while (agreed < most && words[agreed] === before[agreed]) agreed++;
  const stable = words.slice(0, Math.max(agreed, settled.length)).join('');
  return { text: words.join(''), stableChars: stable.length };
}

/** The settled words, then what the hypothesis says after them. */
function continued(settled: readonly string[], words: readonly string[]): readonly string[] {
  if (settled.every((word, at) => word === words[at])) return words;
  const last = settled.at(-1);
  const places = words.flatMap((word, at) =>
    word.trim() === last?.trim() && Math.abs(at + 1 - settled.length) <= ALIGN_WORDS ? [at + 1] : [],
  );
  const after = places.sort((a, b) => Math.abs(a - settled.length) - Math.abs(b - settled.length))[0] ?? settled.length;
  const [first, ...rest] = words.slice(after);
  return first === undefined ? settled : [...settled, spaceBetween(last ?? '', first) + first.trim(), ...rest];
}

function wordsOf(text: string): string[] {
  return text.trim().replace(/\s+/gu, ' ').match(WORD) ?? [];
}

/** What is told of an utterance's final; times count from the session's start. */
export function finalBody({ planned }: LiveItem, recognition: Recognition): FinalBody {
  const { segments, filtered, language, languageProbability } = inSession(
    planned.startSamples,
    planned.samples,
    recognition,
  );
  const characters = segments.reduce((sum, segment) => sum + segment.text.length, 0);
  return {
    utterance: planned.utterance,
    startMs: planned.startMs,
    endMs: planned.endMs,
    by: planned.by,
    text: textOf(segments),
    confidence:
      characters === 0
        ? 0
        : segments.reduce((sum, segment) => sum + segment.confidence * segment.text.length, 0) / characters,
    words: segments.flatMap((segment) => segment.words ?? []),
    filtered,
    language,
    languageProbability,
  };
}

/** The final of an utterance that cannot be transcribed. */
export function emptyFinal({ planned }: LiveItem): FinalBody {
  return {
    utterance: planned.utterance,
    startMs: planned.startMs,
    endMs: planned.endMs,
    by: planned.by,
    text: '',
    confidence: 0,
    words: [],
    filtered: [],
    language: null,
    languageProbability: null,
  };
}

/** What is told of a partial, or null when nothing was said. */
export function partialBody(picked: PickedPartial, recognition: Recognition): PartialBody | null {
  const { segments } = inSession(picked.startSamples, picked.endSamples - picked.startSamples, recognition);
  const hypothesis = textOf(segments);
  const { text, stableChars } = stableText(hypothesis, picked.textBefore, picked.stableBefore);
  if (text === '') return null;
  return {
    utterance: picked.utterance,
    startMs: Math.round(samplesToMs(picked.speechStartSamples)),
    endMs: Math.round(samplesToMs(picked.endSamples)),
    text,
    stableChars,
    // Words of a hypothesis that was made to fit would contradict the text.
    words: text === hypothesis ? segments.flatMap((segment) => segment.words ?? []) : [],
  };
}

function inSession(startSamples: number, samples: number, recognition: Recognition): Recognition {
  const chunk: PlannedChunk = {
    index: 0,
    channel: 0,
    samples,
    speech: [],
    overlapMs: 0,
    spans: [{ chunkMs: 0, startMs: samplesToMs(startSamples), durationMs: samplesToMs(samples) }],
  };
  return toRecordingTime(chunk, recognition);
}

function textOf(segments: Recognition['segments']): string {
  return joinTexts(segments.map((segment) => segment.text)).replace(/\s+/g, ' ');
}
