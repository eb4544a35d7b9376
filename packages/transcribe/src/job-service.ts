import type {
  Job,
  JobMetadata,
  JobEvent,
  JobPriority,
  JobStatus,
  TranscribeOptions,
  Transcript,
  Webhook,
  WebhookDeliveryRecord,
} from '@murmuration/contracts';
import type { Reach } from '@murmuration/access';

/** A recording to transcribe without anybody waiting. */
export interface JobSubmission {
  /** The job's id, when the client names it: a UUID; else null. */
  readonly id: string | null;
  /** The file's bytes; read only as fast as they are worked on. */
  readonly source: AsyncIterable<Uint8Array>;
  readonly contentType: string | null;
  /** Extension of the file's name without the dot, or null. */
  readonly extension: string | null;
  readonly options: TranscribeOptions;
  readonly priority: JobPriority;
  readonly owner: string | null;
  /** Whose jobs the sender sees: `id` must be that of none of these. */
  readonly whose: Reach;
  readonly metadata: JobMetadata | null;
  readonly webhook: Webhook | null;
  /** How long transcript and events stay after the end; null: the service's default. */
  readonly retentionSeconds: number | null;
  readonly idempotencyKey: string | null;
  /** What tells the request apart from others but for the bytes: the fields in canonical JSON, and the URL where there is one. */
  readonly fingerprint: string;
  /** False when the bytes do not tell requests apart, since the URL in the fingerprint does; true unless given. */
  readonly hashBytes?: boolean;
  /** W3C `traceparent` of the request, where tracing is on. */
  readonly trace?: string | null;
  /** Aborting before the job is accepted takes it back; afterwards it does nothing. */
  readonly signal: AbortSignal;
}

/** An accepted job. */
export interface SubmittedJob {
  readonly job: Job;
  /** False when an Idempotency-Key led to a job that was there. */
  readonly created: boolean;
}

export interface JobFilter {
  readonly whose: Reach;
  readonly statuses: readonly JobStatus[] | null;
  /** Unix milliseconds, of `createdAtMs`; inclusive. */
  readonly createdAfterMs: number | null;
  readonly createdBeforeMs: number | null;
  readonly limit: number;
  /** `nextCursor` of the page before, or null. */
  readonly cursor: string | null;
}

export interface JobPage {
  readonly jobs: readonly Job[];
  readonly nextCursor: string | null;
}

/** What endpoints use for jobs. Implemented by `Jobs`. All throw `backend_unavailable`; those with an id throw `not_found` for a job that is not there or not of `whose`. */
export interface JobService {
  /**
   * Resolves when the job is accepted for good: its chunks and manifest are stored, on whatever node they are worked on. From its first byte it exists as `receiving`.
   * Throws what the options, the bytes and admission throw; `job_exists` when a job that the sender sees has the id, `idempotency_conflict` when the key belongs to another request; then nothing of it is left.
   */
  submit(submission: JobSubmission): Promise<SubmittedJob>;
  get(id: string, whose: Reach): Promise<Job>;
  list(filter: JobFilter): Promise<JobPage>;
  /** Cancels what runs and takes audio, transcript and events away. Of a job that has ended it only purges; not an error a second time. */
  cancel(id: string, whose: Reach): Promise<Job>;
  /** Throws `job_not_done` (with the status in its message) before the end, `result_expired` after its time or when purged, and the job's own error when it failed. */
  transcript(id: string, whose: Reach): Promise<Transcript>;
  /** What happened after `afterId` ('0' for all), then what happens, until the job's end or `signal`. An `afterId` that the stream does not have stands for its place in the order of ids. */
  follow(id: string, whose: Reach, afterId: string, signal: AbortSignal): Promise<AsyncIterable<JobEvent>>;
  deliveries(id: string, whose: Reach): Promise<readonly WebhookDeliveryRecord[]>;
  /** Sends the webhook of the job's end again, now. Throws `no_webhook` when the job has none, `job_not_done` before its end. */
  redeliver(id: string, whose: Reach): Promise<readonly WebhookDeliveryRecord[]>;
}
