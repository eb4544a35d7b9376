import type { ChunkResult, Segment, Transcript } from '@murmuration/contracts';

/** A segment for a test; times in milliseconds. */
export function segment(text: string, startMs: number, endMs: number, more: Partial<Segment> = {}): Segment {
  return {
    text,
    startMs,
    endMs,
    channel: 0,
    confidence: 0.9,
    avgLogprob: -0.1,
    noSpeechProb: 0.01,
    compressionRatio: 1.1,
    temperature: 0,
    tokens: [5, 6],
    ...more,
  };
}

/** A chunk's result for a test. */
export function result(index: number, segments: Segment[], more: Partial<ChunkResult> = {}): ChunkResult {
  return {
    index,
    channel: 0,
    overlapMs: 0,
    audioMs: 1_000,
    queueMs: 10,
    inferenceMs: 20,
    batchSize: 1,
    worker: 'w',
    segments,
    filtered: [],
    language: 'en',
    languageProbability: 1,
    ...more,
  };
}

/** A transcript for a test. */
export function transcript(segments: Segment[], more: Partial<Transcript> = {}): Transcript {
  return {
    id: 'j1',
    text: segments.map((one) => one.text).join(' '),
    model: 'm',
    task: 'transcribe',
    language: 'en',
    languageProbability: 0.98,
    durationMs: 2_345.6,
    channels: 1,
    segments,
    filtered: [],
    accounting: { speechMs: 2_000, nonSpeechMs: 345.6, skipped: [] },
    warnings: [],
    timings: { decodeMs: 1, detectMs: 2, queueMs: 3, inferenceMs: 4, totalMs: 12.4 },
    ...more,
  };
}
