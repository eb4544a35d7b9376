import { z } from 'zod';
import type { Filtered } from './chunk.js';
import { jobPrioritySchema, jobStatusSchema, webhookSchema } from './job.js';

/** Milliseconds as seconds, to the millisecond: the unit of times in every JSON answer. Live messages and gRPC carry milliseconds. */
export function seconds(timeMs: number): number {
  return Math.round(timeMs) / 1_000;
}

/** Text that a filter took away, with the rule that took it; seconds. */
export interface FilteredJson {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly reason: string;
}

export function filteredJson({ startMs, endMs, text, reason }: Filtered): FilteredJson {
  return { start: seconds(startMs), end: seconds(endMs), text, reason };
}

/** The field `filtered` of answers whose clients do not know it: left out where nothing was filtered. */
export function filteredField(filtered: readonly Filtered[]): { readonly filtered?: FilteredJson[] } {
  return filtered.length === 0 ? {} : { filtered: filtered.map(filteredJson) };
}

/** A job as `/v1/jobs` answers it. Times are ISO 8601 in UTC, lengths seconds. */
export const jobJsonSchema = z.object({
  id: z.string(),
  /** To an administrator, the id that another key's client gave it, where that is not `id`. */
  submitted_id: z.string().nullable(),
  object: z.literal('job'),
  status: jobStatusSchema,
  priority: jobPrioritySchema,
  model: z.string(),
  created_at: z.string(),
  accepted_at: z.string().nullable(),
  finished_at: z.string().nullable(),
  expires_at: z.string().nullable(),
  /** True when transcript and events are gone. */
  purged: z.boolean(),
  retention_seconds: z.number(),
  /** Length of the recording; null until all of it is read. */
  duration: z.number().nullable(),
  language: z.string().nullable(),
  progress: z.object({ done_seconds: z.number(), planned_seconds: z.number() }),
  position: z.number().nullable(),
  estimated_seconds_left: z.number().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  webhook: webhookSchema.nullable(),
  /** Paths from the server's root. */
  urls: z.object({ self: z.string(), events: z.string(), transcript: z.string() }),
});
export type JobJson = z.infer<typeof jobJsonSchema>;

/** A page of `GET /v1/jobs`, newest first. */
export const jobListJsonSchema = z.object({
  object: z.literal('list'),
  data: z.array(jobJsonSchema),
  /** Give it as `?cursor=` for the next page; null on the last. */
  next_cursor: z.string().nullable(),
});
export type JobListJson = z.infer<typeof jobListJsonSchema>;

/** A page of `GET /v1/jobs/:id/deliveries`. */
export const deliveryListJsonSchema = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      id: z.string(),
      event: z.string(),
      state: z.enum(['pending', 'delivered', 'failed']),
      attempts: z.array(
        z.object({
          at: z.string(),
          status: z.number().nullable(),
          fault: z.string().nullable(),
          duration_ms: z.number(),
        }),
      ),
      next_attempt_at: z.string().nullable(),
    }),
  ),
});
export type DeliveryListJson = z.infer<typeof deliveryListJsonSchema>;
