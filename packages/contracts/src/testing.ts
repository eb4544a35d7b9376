import { AsrError, type ErrorCode } from './errors.js';
import type { ModelDescription } from './model-card.js';

/** A model that tests only need to name. @param fields what is special about it; the slug is that of its id */
export function testModel(fields: Partial<Omit<ModelDescription, 'slug'>> = {}): ModelDescription {
  const id = fields.id ?? 'simulated';
  return {
    id,
    slug: id.replace(/[^a-z0-9]+/g, '-'),
    family: 'simulated',
    languages: ['en'],
    tasks: ['transcribe'],
    wordTimes: 'none',
    detectsLanguage: false,
    dtype: 'none',
    chunkPolicy: {
      sampleRateHz: 16_000,
      maxChunkMs: 30_000,
      targetChunkMs: 10_000,
      packGapMs: 0,
      gridMs: 1_000,
      overlapMs: 0,
    },
    ...fields,
  };
}

/** Is true for an `AsrError` of this code: for `assert.rejects`. */
export function refusal(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof AsrError && error.code === code;
}
