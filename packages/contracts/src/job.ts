import { z } from 'zod';
import type { Segment } from './chunk.js';
import type { ErrorRecord } from './asr-error.js';

/** Lanes of one queue, most urgent first. */
export const laneSchema = z.enum(['live', 'interactive', 'batch']);
export type Lane = z.infer<typeof laneSchema>;

/** What a queue entry carries: ids only, for queue data is clear text. */
export const chunkJobSchema = z.object({
  job: z.string(),
  chunk: z.number().int().nonnegative(),
  lane: laneSchema,
  /** Unix milliseconds when it was queued. */
  queuedAtMs: z.number(),
});
export type ChunkJob = z.infer<typeof chunkJobSchema>;

/** States of a job: `receiving` → `running` (all chunks planned) → `assembling` (all results in) → `done`; from any before done: `failed`, `cancelled`. */
export const jobStateSchema = z.enum(['receiving', 'running', 'assembling', 'done', 'failed', 'cancelled']);
export type JobState = z.infer<typeof jobStateSchema>;

/** Events of a job's stream, in order; the stream's ids are the ids a client continues from. */
export type JobEvent =
  | { readonly type: 'segments'; readonly chunk: number; readonly segments: readonly Segment[]; readonly doneMs: number }
  | { readonly type: 'assembling' }
  | { readonly type: 'failed'; readonly error: ErrorRecord }
  | { readonly type: 'cancelled' };
