import type { ChunkPolicy } from '@murmuration/contracts';

export const SAMPLES_PER_MS = 16;

export const MOONSHINE_CHUNK_POLICY: ChunkPolicy = {
  sampleRateHz: 16_000,
  maxChunkMs: 20_000,
  targetChunkMs: 8_000,
  packGapMs: 0,
  gridMs: 1_000,
  overlapMs: 500,
};
