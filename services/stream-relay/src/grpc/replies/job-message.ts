import {
  AsrError,
  type ErrorRecord,
  type Job,
  type JobEvent,
  type JobPriority,
  type JobStatus,
  type WebhookEvent,
} from '@murmuration/contracts';
import { segmentMessage, wholeMs } from './transcript-message.js';

import type * as proto from '@murmuration/contracts/grpc';

const STATUSES = {
  receiving: 'JOB_STATUS_RECEIVING',
  queued: 'JOB_STATUS_QUEUED',
  running: 'JOB_STATUS_RUNNING',
  done: 'JOB_STATUS_DONE',
  failed: 'JOB_STATUS_FAILED',
  cancelled: 'JOB_STATUS_CANCELLED',
} as const satisfies Record<JobStatus, proto.JobStatus>;
const PRIORITIES = { interactive: 'JOB_PRIORITY_INTERACTIVE', batch: 'JOB_PRIORITY_BATCH' } as const satisfies Record<
  JobPriority,
  proto.JobPriority
>;
const EVENTS = {
  'job.done': 'WEBHOOK_EVENT_JOB_DONE',
  'job.failed': 'WEBHOOK_EVENT_JOB_FAILED',
  'job.cancelled': 'WEBHOOK_EVENT_JOB_CANCELLED',
} as const satisfies Record<WebhookEvent, proto.WebhookEvent>;

export function jobMessage(job: Job): proto.Job {
  return {
    id: job.id,
    status: STATUSES[job.status],
    priority: PRIORITIES[job.priority],
    model: job.model,
    createdAtMs: job.createdAtMs,
    acceptedAtMs: job.acceptedAtMs,
    finishedAtMs: job.finishedAtMs,
    expiresAtMs: job.expiresAtMs,
    purged: job.purged,
    retentionSeconds: job.retentionSeconds,
    doneMs: wholeMs(job.doneMs),
    plannedMs: wholeMs(job.plannedMs),
    durationMs: job.durationMs === null ? null : wholeMs(job.durationMs),
    language: job.language,
    position: job.position,
    estimatedSecondsLeft: job.estimatedSecondsLeft,
    error: job.error === null ? null : faultMessage(job.error),
    metadataJson: job.metadata === null ? null : JSON.stringify(job.metadata),
    webhook:
      job.webhook === null ? null : { url: job.webhook.url, events: job.webhook.events.map((event) => EVENTS[event]) },
    submittedId: job.submittedId,
  };
}

/** Names of statuses to the service's own, for filters. */
export const STATUS_OF = Object.fromEntries(
  Object.entries(STATUSES).map(([status, name]) => [name, status]),
) as Readonly<Record<string, JobStatus>>;

export function jobEventMessage(event: JobEvent): proto.WatchJobResponse {
  const eventId = event.id;
  switch (event.type) {
    case 'accepted':
      return { eventId, event: 'accepted', accepted: {} };
    case 'progress':
      return {
        eventId,
        event: 'progress',
        progress: { doneMs: wholeMs(event.doneMs), plannedMs: wholeMs(event.plannedMs) },
      };
    case 'segment':
      return { eventId, event: 'segment', segment: { index: event.index, segment: segmentMessage(event.segment) } };
    case 'done':
      return { eventId, event: 'done', done: {} };
    case 'failed':
      return { eventId, event: 'failed', failed: faultMessage(event.error) };
    case 'cancelled':
      return { eventId, event: 'cancelled', cancelled: {} };
  }
}

export function faultMessage(record: ErrorRecord): proto.Fault {
  const { code, message, param, retryAfterSeconds, kind } = AsrError.fromRecord(record);
  return { code, message, param, retryable: kind.retry, retryAfterSeconds };
}
