import type { ChunkPolicy } from '@murmuration/contracts';

export const SAMPLES_PER_MS = 16;

/**
 * How recordings are cut for Moonshine. Measured on the English clips of the benchmark (16 clips, 168 words, one thread):
 * - packing utterances helps nothing: word error rate 1.8 % by utterance, 2.4 to 4.8 % packed to 6 to 30 s, and the attention over
 *   the whole chunk makes long ones slower (times real time: 42 by utterance, 39 at 16 s, 32 at 30 s, 26 at 40 s);
 * - the grid is that of the decoder's batch only, whose padding is masked: 0.5, 1, 2 and 4 s change no text. Silence added to the
 *   audio would: at 0.5 and 1 s 2 texts in 16. A wide grid finds more batch mates, and the padding costs less than they save.
 */
export const MOONSHINE_CHUNK_POLICY: ChunkPolicy = {
  sampleRateHz: 16_000,
  maxChunkMs: 20_000,
  targetChunkMs: 10_000,
  packGapMs: 0,
  gridMs: 4_000,
  overlapMs: 1_000,
};
