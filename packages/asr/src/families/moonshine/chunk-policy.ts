import type { ChunkPolicy } from '@murmuration/contracts';

export const SAMPLES_PER_MS = 16;

/**
 * How recordings are cut for Moonshine. Measured end to end (detector, planner, model) on the English evaluation clips and five LibriVox
 * clips (21 clips, 193 words), one by one and joined into one recording with pauses of 0.3, 0.8 and 1.5 s (579 words):
 * - every utterance by itself: 8 and 26 words wrong; utterances less than 2 s apart packed to 10 s with the silence between them kept:
 *   4 and 13 words. A short utterance alone lacks what the model guesses from. Packed to 15 s: 4 and 15 to 16 words.
 * - longer chunks cost more: the attention is over the whole chunk (42 times real time at utterance length, 26 at 40 s);
 * - the grid is that of the decoder's batch only, whose padding is masked: 0.5, 1, 2 and 4 s change no text. Silence added to the
 *   audio would: at 0.5 and 1 s 2 texts in 16. A wide grid finds more batch mates, and the padding costs less than they save.
 */
export const MOONSHINE_CHUNK_POLICY: ChunkPolicy = {
  sampleRateHz: 16_000,
  maxChunkMs: 20_000,
  targetChunkMs: 10_000,
  packGapMs: 2_000,
  gridMs: 4_000,
  overlapMs: 1_000,
};
