import type { Filtered, Segment, Task, Transcript, Word } from '@murmuration/contracts';

import type * as proto from '@murmuration/contracts/grpc';

const TASKS = { transcribe: 'TASK_TRANSCRIBE', translate: 'TASK_TRANSLATE' } as const satisfies Record<
  Task,
  proto.Task
>;

export function transcriptMessage(transcript: Transcript): proto.Transcript {
  const { accounting } = transcript;
  return {
    id: transcript.id,
    text: transcript.text,
    model: transcript.model,
    task: TASKS[transcript.task],
    language: transcript.language,
    languageProbability: transcript.languageProbability,
    durationMs: wholeMs(transcript.durationMs),
    channels: transcript.channels,
    segments: transcript.segments.map(segmentMessage),
    filtered: transcript.filtered.map(filteredMessage),
    accounting: {
      speechMs: wholeMs(accounting.speechMs),
      nonSpeechMs: wholeMs(accounting.nonSpeechMs),
      skipped: accounting.skipped.map(({ startMs, endMs, channel, reason }) => ({
        startMs: wholeMs(startMs),
        endMs: wholeMs(endMs),
        channel,
        reason,
      })),
    },
    warnings: transcript.warnings,
    timings: transcript.timings,
    sourceLanguage: transcript.sourceLanguage ?? null,
  };
}

export function segmentMessage(segment: Segment): proto.Segment {
  return {
    startMs: wholeMs(segment.startMs),
    endMs: wholeMs(segment.endMs),
    text: segment.text,
    channel: segment.channel,
    confidence: segment.confidence,
    avgLogprob: segment.avgLogprob,
    noSpeechProb: segment.noSpeechProb,
    compressionRatio: segment.compressionRatio,
    temperature: segment.temperature,
    words: (segment.words ?? []).map(wordMessage),
    language: segment.language ?? null,
  };
}

export function wordMessage(word: Word): proto.Word {
  return {
    word: word.word.trim(),
    startMs: wholeMs(word.startMs),
    endMs: wholeMs(word.endMs),
    probability: word.probability,
    approximate: word.approximate ?? false,
  };
}

export function filteredMessage({ startMs, endMs, text, reason }: Filtered): proto.Filtered {
  return { startMs: wholeMs(startMs), endMs: wholeMs(endMs), text, reason };
}

/** A place or length in whole milliseconds. */
export function wholeMs(ms: number): number {
  return Math.max(0, Math.round(ms));
}
