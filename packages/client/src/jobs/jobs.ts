import { SHORT_MS, path, type Call } from '../http/exchange.js';
import type { Requester, ServerEvent } from '../http/requester.js';
import { formUpload, jsonUpload, type AudioInput, type Upload } from '../http/upload-body.js';
import { fieldsAsText, givenFields } from '../transcribe/transcribe.js';
import {
  layoutFields,
  type SubtitleLayout,
  type TextFormat,
  type Transcript,
  type Segment,
} from '../transcribe/transcript-types.js';
import type {
  Delivery,
  FollowOptions,
  Job,
  JobEvent,
  JobOptions,
  JobPage,
  ListOptions,
  RecordingUrl,
} from './job-types.js';
import { followEvents } from '../http/follow-events.js';

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}
interface Deliveries {
  readonly data: readonly Delivery[];
}

/** Jobs: recordings that are transcribed while nobody waits. Every call throws `MurmurationError`, or the reason of its signal. */
export class Jobs {
  readonly #requester: Requester;
  readonly #silenceMs: number;

  /** @param silenceMs how long a server may say nothing before a connection is taken for dead */
  constructor(requester: Requester, silenceMs: number) {
    this.#requester = requester;
    this.#silenceMs = silenceMs;
  }

  /** Submits a recording, or the address of one; resolves when the job is accepted for good. Repeats the request where that is safe, and never makes a second job by it. */
  create(input: AudioInput | RecordingUrl, options: JobOptions = {}): Promise<Job> {
    const { make, isRepeatable } = jobUpload(input, options);
    return this.#requester.json<Job>({
      method: 'POST',
      path: '/v1/jobs',
      query: { id: options.id },
      body: make,
      signal: options.signal,
      headers: { 'idempotency-key': options.idempotencyKey ?? crypto.randomUUID() },
      retry: isRepeatable ? 'always' : 'never',
    });
  }

  get(id: string, options: CallOptions = {}): Promise<Job> {
    return this.#requester.json<Job>(asking('GET', path('v1', 'jobs', id), options));
  }

  /** Jobs, newest first; pages are fetched as they are needed. */
  async *list(options: ListOptions = {}): AsyncGenerator<Job, void> {
    let cursor: string | undefined;
    do {
      const page = await this.page(options, cursor);
      yield* page.data;
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** One page; `cursor` is `next_cursor` of the page before. */
  page({ status, limit, signal, created_after, created_before }: ListOptions = {}, cursor?: string): Promise<JobPage> {
    const query = {
      status,
      limit,
      cursor,
      created_after: timeOf(created_after),
      created_before: timeOf(created_before),
    };
    return this.#requester.json<JobPage>({ ...asking('GET', '/v1/jobs', { signal }), query });
  }

  /** Cancels what runs and deletes audio, transcript and events; answers what is left. No error when the job has ended. */
  cancel(id: string, options: CallOptions = {}): Promise<Job> {
    return this.#requester.json<Job>(asking('DELETE', path('v1', 'jobs', id), options));
  }

  /** The finished transcript; `srt` and `vtt` take a layout. Throws `job_not_done` before the end and `result_expired` after its time. */
  transcript(id: string, format?: 'json', options?: CallOptions): Promise<Transcript>;
  transcript(id: string, format: TextFormat, options?: CallOptions & SubtitleLayout): Promise<string>;
  transcript(
    id: string,
    format: 'json' | TextFormat,
    options?: CallOptions & SubtitleLayout,
  ): Promise<Transcript | string>;
  transcript(
    id: string,
    format: 'json' | TextFormat = 'json',
    options: CallOptions & SubtitleLayout = {},
  ): Promise<Transcript | string> {
    const call: Call = {
      method: 'GET',
      path: path('v1', 'jobs', id, `transcript.${format}`),
      query: format === 'srt' || format === 'vtt' ? layoutFields(options) : {},
      signal: options.signal,
      retry: 'always',
    };
    return format === 'json'
      ? this.#requester.json<Transcript>(call)
      : this.#requester.call(call, (response) => response.text());
  }

  /** What happens to the job, up to its last event; connections that break are made again without loss or repeat. */
  events(id: string, options: FollowOptions = {}): AsyncGenerator<JobEvent, void> {
    return followJob(this.#requester, id, options, this.#silenceMs);
  }

  /** The job when it has ended, whatever the end: look at its `status`. */
  async wait(id: string, options: CallOptions = {}): Promise<Job> {
    const job = await this.get(id, options);
    if (job.status === 'done' || job.status === 'failed' || job.status === 'cancelled') return job;
    const events = this.events(id, options);
    while ((await events.next()).done !== true) {
      /* the last event ends it */
    }
    return this.get(id, options);
  }

  /** Messages to the job's webhook. */
  async deliveries(id: string, options: CallOptions = {}): Promise<readonly Delivery[]> {
    return (await this.#requester.json<Deliveries>(asking('GET', `${path('v1', 'jobs', id)}/deliveries`, options)))
      .data;
  }

  /** Tells the job's webhook once more, and answers its messages. */
  async redeliver(id: string, options: CallOptions = {}): Promise<readonly Delivery[]> {
    return (
      await this.#requester.json<Deliveries>({
        ...asking('POST', `${path('v1', 'jobs', id)}/redeliver`, options),
        retry: 'refused',
      })
    ).data;
  }
}

function asking(method: Call['method'], address: string, { signal }: CallOptions): Call {
  return { method, path: address, signal, retry: 'always', limitMs: SHORT_MS };
}

function timeOf(time: string | Date | undefined): string | undefined {
  return time instanceof Date ? time.toISOString() : time;
}

function jobUpload(input: AudioInput | RecordingUrl, options: JobOptions): Upload {
  const { priority, retention_seconds, webhook, metadata } = options;
  const simple = {
    ...givenFields(options),
    ...(priority === undefined ? {} : { priority }),
    ...(retention_seconds === undefined ? {} : { retention_seconds }),
  };
  if ('url' in input) return jsonUpload({ url: String(input.url), ...simple, webhook, metadata });
  const documents = Object.entries({ webhook, metadata })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, JSON.stringify(value)] as const);
  // One field at least comes before the file, so that the server works on it while it comes.
  return formUpload(
    [...(priority === undefined ? [['priority', 'batch'] as const] : []), ...fieldsAsText(simple), ...documents],
    input,
    options,
  );
}

/** Events of a job, each once and in order, up to its last. Throws `MurmurationError`, or the reason of the caller's signal. */
export function followJob(
  requester: Requester,
  id: string,
  options: FollowOptions,
  silenceMs: number,
): AsyncGenerator<JobEvent, void> {
  return followEvents({
    requester,
    path: `${path('v1', 'jobs', id)}/events`,
    lastEventId: options.lastEventId,
    appearsWithinMs: options.appearsWithinMs ?? 0,
    silenceMs,
    signal: options.signal,
    read: jobEvent,
    isLast: ({ type }) => type === 'done' || type === 'failed' || type === 'cancelled',
  });
}

function jobEvent({ type, id: eventId, data }: ServerEvent): JobEvent | null {
  switch (type) {
    case 'accepted':
      return { eventId, type };
    case 'progress':
      return { eventId, type, ...(JSON.parse(data) as { done_seconds: number; planned_seconds: number }) };
    case 'segment':
      return { eventId, type, segment: JSON.parse(data) as Segment };
    case 'done':
      return { eventId, type };
    case 'failed':
      return { eventId, type, error: (JSON.parse(data) as { error: { code: string; message: string } }).error };
    case 'cancelled':
      return { eventId, type };
    default:
      return null;
  }
}
