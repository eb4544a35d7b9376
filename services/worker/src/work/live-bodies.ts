import { joinTexts, samplesToMs, type PlannedChunk, type Recognition } from '@murmuration/contracts';
import type { FinalBody, LiveItem, PartialBody, PickedPartial } from '@murmuration/store';
import { toRecordingTime } from '@murmuration/transcript';
import { stableText } from './stable-text.js';

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
