import type { TranscribeFields } from '../transcribe/transcribe.js';
import type { UploadOptions } from '../http/upload-body.js';
import type { Segment } from '../transcribe/transcript-types.js';

export type JobStatus = 'receiving' | 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
export type JobPriority = 'interactive' | 'batch';
export type WebhookEvent = 'job.done' | 'job.failed' | 'job.cancelled';

/** A job as the server answers it. Times are ISO 8601 in UTC, lengths seconds. */
export interface Job {
  readonly id: string;
  /** To an administrator, the id that another key's client gave it, where that is not `id`. */
  readonly submitted_id: string | null;
  readonly object: 'job';
  readonly status: JobStatus;
  readonly priority: JobPriority;
  readonly model: string;
  readonly created_at: string;
  readonly accepted_at: string | null;
  readonly finished_at: string | null;
  readonly expires_at: string | null;
  /** True when transcript and events are gone. */
  readonly purged: boolean;
  readonly retention_seconds: number;
  /** Of the recording; null until all of it is read. */
  readonly duration: number | null;
  readonly language: string | null;
  readonly progress: { readonly done_seconds: number; readonly planned_seconds: number };
  /** Jobs before it; null when nothing can be said. */
  readonly position: number | null;
  readonly estimated_seconds_left: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly webhook: { readonly url: string; readonly events: readonly WebhookEvent[] } | null;
  /** Paths from the server's root. */
  readonly urls: { readonly self: string; readonly events: string; readonly transcript: string };
}

/** A page of the list of jobs, newest first. */
export interface JobPage {
  readonly object: 'list';
  readonly data: readonly Job[];
  /** For the next page; null on the last. */
  readonly next_cursor: string | null;
}

/** A message to a job's webhook, and what became of it. */
export interface Delivery {
  readonly id: string;
  readonly event: string;
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly attempts: readonly {
    readonly at: string;
    readonly status: number | null;
    readonly fault: string | null;
    readonly duration_ms: number;
  }[];
  readonly next_attempt_at: string | null;
}

/** Something that happened to a job. `eventId` is what to go on from. */
export type JobEvent = { readonly eventId: string } & (
  | { readonly type: 'accepted' }
  | { readonly type: 'progress'; readonly done_seconds: number; readonly planned_seconds: number }
  | { readonly type: 'segment'; readonly segment: Segment }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly error: { readonly code: string; readonly message: string } }
  | { readonly type: 'cancelled' }
);

/** A recording as bytes, or where the server finds it. */
export interface RecordingUrl {
  readonly url: string | URL;
}

/** Fields of a new job by the names of the HTTP API, and how it is sent. */
export interface JobOptions extends TranscribeFields, UploadOptions {
  /** A UUID of your own: the job can be asked for and followed while it is still sent. */
  readonly id?: string | undefined;
  readonly priority?: JobPriority | undefined;
  readonly webhook?: { readonly url: string; readonly events?: readonly WebhookEvent[] } | undefined;
  /** Returned as it came; up to 4 KB of JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly retention_seconds?: number | undefined;
  /** Made by the library by default: a request that is repeated makes no second job. */
  readonly idempotencyKey?: string | undefined;
  /** Aborting it ends the upload; a job that is accepted goes on. */
  readonly signal?: AbortSignal | undefined;
}

export interface ListOptions {
  readonly status?: JobStatus | undefined;
  readonly created_after?: string | Date | undefined;
  readonly created_before?: string | Date | undefined;
  /** Jobs a page. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface FollowOptions {
  /** Go on after this event; default from the beginning. */
  readonly lastEventId?: string | undefined;
  /** For a job that is only about to be sent under an id of your own: it may be unknown for so long, milliseconds. */
  readonly appearsWithinMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}
