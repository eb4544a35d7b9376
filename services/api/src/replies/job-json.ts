import {
  AsrError,
  jobJsonSchema,
  type DeliveryListJson,
  type Job,
  type JobJson,
  type JobEvent,
  type WebhookDeliveryRecord,
  seconds,
} from '@murmuration/contracts';
import { segmentJson } from '@murmuration/transcript';

/** The schema of a job in the API description. */
export const jobSchema = jobJsonSchema.meta({ id: 'Job' });

/** A job as the API returns it. */
export function jobJson(job: Job): JobJson {
  const self = `/v1/jobs/${job.id}`;
  return {
    id: job.id,
    submitted_id: job.submittedId,
    object: 'job',
    status: job.status,
    priority: job.priority,
    model: job.model,
    created_at: isoTime(job.createdAtMs),
    accepted_at: isoTimeOrNull(job.acceptedAtMs),
    finished_at: isoTimeOrNull(job.finishedAtMs),
    expires_at: isoTimeOrNull(job.expiresAtMs),
    purged: job.purged,
    retention_seconds: job.retentionSeconds,
    duration: job.durationMs === null ? null : seconds(job.durationMs),
    language: job.language,
    progress: { done_seconds: seconds(job.doneMs), planned_seconds: seconds(job.plannedMs) },
    position: job.position,
    estimated_seconds_left: job.estimatedSecondsLeft,
    error: job.error === null ? null : { code: job.error.code, message: job.error.message },
    metadata: job.metadata,
    webhook: job.webhook,
    urls: { self, events: `${self}/events`, transcript: `${self}/transcript.json` },
  };
}

/** The data of an event of this job. */
export function eventJson(id: string, event: JobEvent): object {
  switch (event.type) {
    case 'progress':
      return { done_seconds: seconds(event.doneMs), planned_seconds: seconds(event.plannedMs) };
    case 'segment':
      return segmentJson(event.segment, event.index);
    case 'failed':
      return { id, error: { code: event.error.code, message: event.error.message } };
    case 'accepted':
    case 'done':
    case 'cancelled':
      return { id };
  }
}

export function deliveriesJson(deliveries: readonly WebhookDeliveryRecord[]): DeliveryListJson {
  return {
    object: 'list',
    data: deliveries.map((delivery) => ({
      id: delivery.id,
      event: delivery.event,
      state: delivery.state,
      attempts: delivery.attempts.map((attempt) => ({
        at: isoTime(attempt.atMs),
        status: attempt.status,
        fault: attempt.fault,
        duration_ms: Math.round(attempt.durationMs),
      })),
      next_attempt_at: isoTimeOrNull(delivery.nextAttemptAtMs),
    })),
  };
}

const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** The id in an address. What is no id belongs to no job: `not_found`, as for one that is not there. */
export function jobIdFrom(text: string): string {
  if (!ID.test(text)) throw new AsrError('not_found', 'There is no such job.');
  return text.toLowerCase();
}

function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}

function isoTimeOrNull(atMs: number | null): string | null {
  return atMs === null ? null : isoTime(atMs);
}
