import type { Filtered, FilterOptions, Recognition, Segment, Word } from '@murmuration/contracts';
import { isSilent, loudMs, type AudioFacts } from './audio-facts.js';
import { compressionRatio, cutLoops, isCharacterLoop, isTooRepetitive, repeatedSegments } from './repetition.js';
import { isDoubtful, isLastWordCut, isNoSpeech } from './doubt.js';
import { hasForeignScript, lacksLetters } from './letters-and-script.js';
import { isPhantomPhrase } from './phantom-phrases.js';

/** What is known of a chunk beside what the model wrote. */
export interface FilterFacts {
  readonly audio: AudioFacts;
  /** ISO code of the language the text is in (of a translation: `en`), or null when unknown. */
  readonly textLanguage: string | null;
}

/** A segment as the filters judge it: its times are those that the model wrote, never those of its words. */
export interface JudgedSegment extends Segment {
  /** Compression ratio of the whole window's text, where the segment is a part of one. */
  readonly windowCompressionRatio?: number;
  /** Log-probability of the least sure letters of its last word. */
  readonly lastWordLogprob?: number;
}

/**
 * Names of the rules, as `filtered` tells them: `silence` (nothing audible there), `no_speech` (the reference's rule), `doubt`, `repetition`,
 * `letters`, `script`, `phantom_phrase`, `cut_word` (a guess at a word that the end of the audio cuts off); and `no_text`, which removes nothing but says that sound was left without text.
 */
export type FilterReason =
  'silence' | 'no_speech' | 'doubt' | 'repetition' | 'letters' | 'script' | 'phantom_phrase' | 'cut_word' | 'no_text';

type Judged = Omit<Recognition, 'segments'> & { readonly segments: readonly JudgedSegment[] };

/** The times of a segment may be off by this much, so it counts as silent only when nothing is audible this far around it either. */
const TIME_ERROR_MS = 500;
/** A phantom phrase is kept when its log-probability is at least this, … */
const PHRASE_LOGPROB = -0.5;
/** … its no-speech probability at most this … */
const PHRASE_NO_SPEECH = 0.2;
/** … and this much of the audio under it is loud. */
const PHRASE_LOUD_MS = 200;
/** A text that repeats itself is kept up to this no-speech probability … */
const SUPPORTED_NO_SPEECH = 0.15;
/** … and up to this many tokens a second of loud audio. Fast English has 5. */
const SUPPORTED_TOKENS_A_SECOND = 6;

/**
 * Takes invented text out of a recognition and lists it, with the rule that took it, under `filtered`. Pure; the same for every model.
 * A recognition that ends without any text says why: `no_text` over the whole chunk where nothing else stands.
 */
export function applyFilters(recognition: Judged, options: FilterOptions, facts: FilterFacts): Recognition {
  const filtered: Filtered[] = [...recognition.filtered];
  const remove = (segment: Segment, reason: FilterReason, text = segment.text): void => {
    filtered.push({ startMs: segment.startMs, endMs: segment.endMs, text: text.trim(), reason });
  };
  const repeated =
    options.enabled && options.repetition
      ? loopedSegments(recognition.segments, options, facts.audio)
      : new Set<number>();
  const segments = recognition.segments.flatMap((judged, i): Segment[] => {
    const segment: { -readonly [Key in keyof JudgedSegment]: JudgedSegment[Key] } = { ...judged };
    delete segment.windowCompressionRatio;
    delete segment.lastWordLogprob;
    if (!options.enabled) return [segment];
    const reason = reasonAgainst(segment, options, facts) ?? (repeated.has(i) ? 'repetition' : null);
    if (reason !== null) {
      remove(segment, reason);
      return [];
    }
    const { kept, removed } = options.repetition
      ? withoutLoops(segment, options, isSupported(segment, facts.audio))
      : { kept: segment, removed: '' };
    if (removed !== '') remove(segment, 'repetition', removed);
    if (kept === null) return [];
    const whole =
      options.doubt && removed === '' && i === recognition.segments.length - 1 && isLastWordCut(judged, facts.audio)
        ? withoutLastWord(kept)
        : kept;
    if (whole !== kept) remove(segment, 'cut_word', kept.text.slice(whole.text.length));
    return [whole];
  });
  if (segments.length === 0 && filtered.length === 0)
    filtered.push({ startMs: 0, endMs: facts.audio.durationMs, text: '', reason: 'no_text' satisfies FilterReason });
  return { ...recognition, segments, filtered: filtered.sort((a, b) => a.startMs - b.startMs) };
}

/** The first of a window's segments that the repetition filter will cut. Of segments that repeat each other it is the one that is kept. Null when the filter cuts nothing. */
export function firstLoop(
  segments: readonly JudgedSegment[],
  options: FilterOptions,
  facts: FilterFacts,
): number | null {
  if (!options.enabled || !options.repetition) return null;
  const repeated = loopedSegments(segments, options, facts.audio);
  const index = segments.findIndex(
    (segment, i) =>
      reasonAgainst(segment, options, facts) === null &&
      (repeated.has(i) || withoutLoops(segment, options, isSupported(segment, facts.audio)).removed !== ''),
  );
  if (index < 0) return null;
  return repeated.has(index) ? index - 1 : index;
}

/**
 * True when the audio supports a text that repeats itself: the model hears speech, and there is enough loud audio to have said it all.
 * People do repeat sentences and choruses. A loop of the model lies over noise, or is faster than anybody speaks.
 */
function isSupported(segment: Segment, audio: AudioFacts): boolean {
  const loudSeconds = loudMs(audio, segment.startMs, segment.endMs) / 1_000;
  return (
    segment.noSpeechProb <= SUPPORTED_NO_SPEECH && segment.tokens.length <= SUPPORTED_TOKENS_A_SECOND * loudSeconds
  );
}

/** Segments that repeat those before them and are a loop: the audio does not support them, and either their window compresses too well or there is no sound where they lie. */
function loopedSegments(segments: readonly JudgedSegment[], options: FilterOptions, audio: AudioFacts): Set<number> {
  const looped = [...repeatedSegments(segments.map((segment) => segment.text))].filter((index) => {
    const segment = segments[index];
    return (
      segment !== undefined &&
      !isSupported(segment, audio) &&
      ((segment.windowCompressionRatio ?? segment.compressionRatio) > (options.compressionRatioThreshold ?? Infinity) ||
        loudMs(audio, segment.startMs, segment.endMs) < PHRASE_LOUD_MS)
    );
  });
  return new Set(looped);
}

function reasonAgainst(
  segment: Segment,
  options: FilterOptions,
  { audio, textLanguage }: FilterFacts,
): FilterReason | null {
  const { text, startMs, endMs, noSpeechProb, avgLogprob } = segment;
  const textLogprob = Math.log(Math.max(segment.confidence, Number.MIN_VALUE));
  if (options.doubt && isSilent(audio, startMs - TIME_ERROR_MS, endMs + TIME_ERROR_MS)) return 'silence';
  if (isNoSpeech(segment, options)) return 'no_speech';
  if (options.phantomPhrases && isPhantomPhrase(text, textLanguage)) {
    const unsure = textLogprob < PHRASE_LOGPROB || noSpeechProb > PHRASE_NO_SPEECH;
    if (unsure || loudMs(audio, startMs, endMs) < PHRASE_LOUD_MS) return 'phantom_phrase';
  }
  if (options.doubt && isDoubtful({ textLogprob, windowLogprob: avgLogprob, noSpeechProb })) return 'doubt';
  if (options.letters && lacksLetters(text)) return 'letters';
  if (options.script && textLanguage !== null && hasForeignScript(text, textLanguage)) return 'script';
  return null;
}

/** The segment with loops said once, and what was cut; null where nothing is left. Its tokens stay as the model wrote them. */
function withoutLoops(
  segment: Segment,
  options: FilterOptions,
  supported: boolean,
): { kept: Segment | null; removed: string } {
  if (isCharacterLoop(segment.text)) return { kept: null, removed: segment.text };
  if (supported) return { kept: segment, removed: '' };
  const cut = cutLoops(segment.text);
  if (cut.text === '' || isTooRepetitive(cut.text, options.compressionRatioThreshold))
    return { kept: null, removed: segment.text };
  if (cut.removed === '') return { kept: segment, removed: '' };
  const { words, ...rest } = segment;
  const kept = { ...rest, text: cut.text, compressionRatio: compressionRatio(cut.text) };
  return {
    kept: words === undefined ? kept : { ...kept, words: keptWords(words, segment.text, cut.keptWords) },
    removed: cut.removed,
  };
}

/** The segment without its last word, or as it is where that is its only one. Its tokens stay as the model wrote them. */
function withoutLastWord(segment: Segment): Segment {
  const text = segment.text.trimEnd().replace(/\s+\S+$/u, '');
  if (text.trim() === '' || text === segment.text.trimEnd()) return segment;
  const { words, ...rest } = segment;
  const kept = { ...rest, text, compressionRatio: compressionRatio(text) };
  const parts = text
    .trim()
    .split(/\s+/u)
    .map((_, index) => index);
  return words === undefined ? kept : { ...kept, words: keptWords(words, segment.text, parts) };
}

/** The words that remain after a cut: those that begin in a kept part of the text. `kept` holds the indices of the parts between spaces. */
function keptWords(words: readonly Word[], text: string, kept: readonly number[]): Word[] {
  const parts = text.trim().split(/\s+/u);
  const partAt = parts.flatMap((part, index) => Array.from({ length: part.length }, () => index));
  let at = 0;
  return words.filter((word) => {
    const part = partAt[at];
    at += word.word.replace(/\s+/gu, '').length;
    return part !== undefined && kept.includes(part);
  });
}
