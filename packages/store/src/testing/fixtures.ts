import type { ChunkResult, PlannedChunk } from '@murmuration/contracts';
import { testModel } from '@murmuration/contracts/testing';

/** A model that tests only need to name. */
export const TEST_MODEL = testModel();

/** A chunk of ten milliseconds of speech. */
export function testChunk(index: number): PlannedChunk {
  return {
    index,
    channel: 0,
    samples: 160,
    spans: [{ chunkMs: 0, startMs: index * 10, durationMs: 10 }],
    speech: [{ startMs: index * 10, endMs: index * 10 + 10 }],
    overlapMs: 0,
  };
}

/** What a worker gives of a `testChunk`: no text. */
export function testResult(index: number): ChunkResult {
  return {
    segments: [],
    filtered: [],
    language: 'en',
    languageProbability: 1,
    index,
    channel: 0,
    overlapMs: 0,
    audioMs: 10,
    queueMs: 1,
    inferenceMs: 1,
    batchSize: 1,
    worker: 'w',
  };
}
