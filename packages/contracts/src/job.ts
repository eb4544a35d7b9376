import { z } from 'zod';
import type { Filtered, Segment } from './chunk.js';
import type { ErrorRecord } from './errors.js';

/** Lanes of one queue, most urgent first. */
export const laneSchema = z.enum(['live', 'interactive', 'batch']);
export type Lane = z.infer<typeof laneSchema>;

/** What a job's ticket carries on the queue: ids only, for queue data is clear text. */
export const workTicketSchema = z.object({
  /** Id of a job; in the lane `live` that of a live session. */
  job: z.string(),
  /** Counts the tickets of the job or session. */
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

/** What a client sees of a job's state. `queued`: accepted, nothing transcribed yet. */
export const jobStatusSchema = z.enum(['receiving', 'queued', 'running', 'done', 'failed', 'cancelled']);
export type JobStatus = z.infer<typeof jobStatusSchema>;

/** True when nothing more happens to the job. */
export function isFinal(status: JobStatus): boolean {
  return status === 'done' || status === 'failed' || status === 'cancelled';
}

/** How urgent a submitted job is. */
export const jobPrioritySchema = z.enum(['interactive', 'batch']);
export type JobPriority = z.infer<typeof jobPrioritySchema>;

/** Ends of a job that a webhook may be told of. */
export const webhookEventSchema = z.enum(['job.done', 'job.failed', 'job.cancelled']);
export type WebhookEvent = z.infer<typeof webhookEventSchema>;

/** Where and of what a job's owner wants to be told. */
export const webhookSchema = z.object({
  url: z.url(),
  events: z.array(webhookEventSchema).min(1).default(['job.done', 'job.failed', 'job.cancelled']),
});
export type Webhook = z.infer<typeof webhookSchema>;

/** A client's own data: returned as it came. */
export type JobMetadata = Readonly<Record<string, unknown>>;
/** Longest metadata as JSON, bytes. */
export const MAX_METADATA_BYTES = 4_096;

/** A job as packages pass it; times in Unix milliseconds. */
export interface Job {
  /** As who asks knows it. */
  readonly id: string;
  /** To an administrator, the id that another key's client gave it, where that is not `id`; else null. */
  readonly submittedId: string | null;
  readonly status: JobStatus;
  readonly priority: JobPriority;
  /** Model's id. */
  readonly model: string;
  /** Name of the API key that it belongs to, or null without keys. */
  readonly owner: string | null;
  readonly createdAtMs: number;
  readonly acceptedAtMs: number | null;
  readonly finishedAtMs: number | null;
  /** When transcript and events go; null until the job has ended. */
  readonly expiresAtMs: number | null;
  /** True when transcript and events are gone: deleted or past their time. */
  readonly purged: boolean;
  readonly retentionSeconds: number;
  /** Speech transcribed and speech planned so far, milliseconds; `durationMs` of the recording, null until all is read. */
  readonly doneMs: number;
  readonly plannedMs: number;
  readonly durationMs: number | null;
  readonly language: string | null;
  /** Accepted jobs of this model and priority that were there before it and have not ended; null when it has ended or is not accepted. */
  readonly position: number | null;
  /** From the throughput seen lately; null when it has ended or nothing can be said. */
  readonly estimatedSecondsLeft: number | null;
  readonly error: ErrorRecord | null;
  readonly metadata: JobMetadata | null;
  readonly webhook: Webhook | null;
}

/** Something that happened to a job, as clients hear it. `id` is the stream's id to continue from. */
export type JobEvent = { readonly id: string } & (
  | { readonly type: 'accepted' }
  | { readonly type: 'progress'; readonly doneMs: number; readonly plannedMs: number }
  | { readonly type: 'segment'; readonly index: number; readonly segment: Segment }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly error: ErrorRecord }
  | { readonly type: 'cancelled' }
);

/** One attempt to tell a webhook. */
export interface WebhookAttempt {
  readonly atMs: number;
  /** HTTP status, or null when there was no answer. */
  readonly status: number | null;
  /** Stable word for what went wrong, or null. */
  readonly fault: string | null;
  readonly durationMs: number;
}

/** A message to a webhook and what became of it. */
export interface WebhookDeliveryRecord {
  /** `webhook-id`: the same in every attempt. */
  readonly id: string;
  readonly event: WebhookEvent;
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly attempts: readonly WebhookAttempt[];
  /** When it is tried next; null when it is not. */
  readonly nextAttemptAtMs: number | null;
}

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
