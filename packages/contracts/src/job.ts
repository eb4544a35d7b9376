import { z } from 'zod';
import type { Segment } from './chunk.js';
import type { ErrorRecord } from './asr-error.js';

/** Lanes of one queue, most urgent first. */
export const laneSchema = z.enum(['live', 'interactive', 'batch']);
export type Lane = z.infer<typeof laneSchema>;

/** What a job's ticket carries on the queue: ids only, for queue data is clear text. */
export const workTicketSchema = z.object({
  job: z.string(),
  /** Counts the tickets of the job. */
  ticket: z.number().int().positive(),
  /** Of the item that it begins with. */
  lane: laneSchema,
  /** True when it goes before its lane to keep batch work moving: it then brings one item. */
  promoted: z.boolean().optional(),
});
export type WorkTicket = z.infer<typeof workTicketSchema>;

/** States of a job: `receiving` → `running` (all chunks planned) → `assembling` (all results in) → `done`; from any before done: `failed`, `cancelled`. */
export const jobStateSchema = z.enum(['receiving', 'running', 'assembling', 'done', 'failed', 'cancelled']);
export type JobState = z.infer<typeof jobStateSchema>;

/** Events of a job's stream, in order; the stream's ids are the ids a client continues from. */
export type JobEvent =
  | { readonly type: 'segments'; readonly chunk: number; readonly segments: readonly Segment[]; readonly doneMs: number }
  | { readonly type: 'assembling' }
  | { readonly type: 'failed'; readonly error: ErrorRecord }
  | { readonly type: 'cancelled' };
