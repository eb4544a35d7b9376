import {
  AsrError,
  type ErrorRecord,
  type Filtered,
  type Job,
  type JobEvent,
  type JobPriority,
  type JobStatus,
  type LiveEnd,
  type LiveEvent,
  type LiveEventBody,
  type Segment,
  type Task,
  type Transcript,
  type UtteranceNumber,
  type WebhookEvent,
  type Word,
} from '@murmuration/contracts';
import type * as proto from '@murmuration/contracts/grpc';

const TASKS = { transcribe: 'TASK_TRANSCRIBE', translate: 'TASK_TRANSLATE' } as const satisfies Record<
  Task,
  proto.Task
>;

export function transcriptMessage(transcript: Transcript): proto.Transcript {
  const { accounting } = transcript;
  return {
    id: transcript.id,
    text: transcript.text,
    model: transcript.model,
    task: TASKS[transcript.task],
    language: transcript.language,
    languageProbability: transcript.languageProbability,
    durationMs: wholeMs(transcript.durationMs),
    channels: transcript.channels,
    segments: transcript.segments.map(segmentMessage),
    filtered: transcript.filtered.map(filteredMessage),
    accounting: {
      speechMs: wholeMs(accounting.speechMs),
      nonSpeechMs: wholeMs(accounting.nonSpeechMs),
      skipped: accounting.skipped.map(({ startMs, endMs, channel, reason }) => ({
        startMs: wholeMs(startMs),
        endMs: wholeMs(endMs),
        channel,
        reason,
      })),
    },
    warnings: transcript.warnings,
    timings: transcript.timings,
    sourceLanguage: transcript.sourceLanguage ?? null,
  };
}

export function segmentMessage(segment: Segment): proto.Segment {
  return {
    startMs: wholeMs(segment.startMs),
    endMs: wholeMs(segment.endMs),
    text: segment.text,
    channel: segment.channel,
    confidence: segment.confidence,
    avgLogprob: segment.avgLogprob,
    noSpeechProb: segment.noSpeechProb,
    compressionRatio: segment.compressionRatio,
    temperature: segment.temperature,
    words: (segment.words ?? []).map(wordMessage),
    language: segment.language ?? null,
  };
}

function wordMessage(word: Word): proto.Word {
  return {
    word: word.word.trim(),
    startMs: wholeMs(word.startMs),
    endMs: wholeMs(word.endMs),
    probability: word.probability,
    approximate: word.approximate ?? false,
  };
}

function filteredMessage({ startMs, endMs, text, reason }: Filtered): proto.Filtered {
  return { startMs: wholeMs(startMs), endMs: wholeMs(endMs), text, reason };
}

/** A place or length in whole milliseconds. */
export function wholeMs(ms: number): number {
  return Math.max(0, Math.round(ms));
}

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

function faultMessage(record: ErrorRecord): proto.Fault {
  const { code, message, param, retryAfterSeconds, kind } = AsrError.fromRecord(record);
  return { code, message, param, retryable: kind.retry, retryAfterSeconds };
}

const ENDS = {
  finished: 'LIVE_END_FINISHED',
  cancelled: 'LIVE_END_CANCELLED',
  idle: 'LIVE_END_IDLE',
  too_long: 'LIVE_END_TOO_LONG',
  abandoned: 'LIVE_END_ABANDONED',
  failed: 'LIVE_END_FAILED',
} as const satisfies Record<LiveEnd, proto.LiveEnd>;

/** An event as clients and viewers are told of it; null for what they are not told (`speech_ended`: the final follows). */
export function liveEventMessage(event: LiveEvent): proto.LiveEvent | null {
  const body = bodyOf(event);
  return body === null ? null : { eventId: event.id, ...body };
}

type Body = proto.LiveEvent extends infer One
  ? One extends { readonly body: string }
    ? Omit<One, 'eventId'>
    : never
  : never;

function bodyOf(event: LiveEventBody): Body | null {
  switch (event.type) {
    case 'speech_started':
      return { body: 'speechStarted', speechStarted: { utterance: event.utterance, atMs: wholeMs(event.atMs) } };
    case 'speech_ended':
      return null;
    case 'partial':
      return { body: 'partial', partial: { ...spanOf(event), text: event.text, stableChars: event.stableChars } };
    case 'final':
      return {
        body: 'final',
        final: {
          ...spanOf(event),
          text: event.text,
          confidence: event.confidence,
          words: event.words.map(wordMessage),
          filtered: event.filtered.map(filteredMessage),
          language: event.language,
          languageProbability: event.languageProbability,
        },
      };
    case 'warning':
      return { body: 'warning', warning: { code: event.code, message: event.message } };
    case 'error':
      return { body: 'error', error: faultMessage(event.error) };
    case 'closed':
      return {
        body: 'closed',
        closed: {
          audioMs: wholeMs(event.totals.audioMs),
          speechMs: wholeMs(event.totals.speechMs),
          utterances: event.totals.utterances,
          end: ENDS[event.totals.end],
        },
      };
  }
}

function spanOf({
  utterance,
  startMs,
  endMs,
}: {
  readonly utterance: UtteranceNumber;
  readonly startMs: number;
  readonly endMs: number;
}) {
  return { utterance, startMs: wholeMs(startMs), endMs: wholeMs(endMs) };
}
