import type { Reach } from '@murmuration/access';
import {
  AsrError,
  isFinal,
  type Job,
  type JobEvent,
  type Segment,
  type Transcript,
  type WebhookDeliveryRecord,
} from '@murmuration/contracts';
import type { JobFilter, JobPage, JobService, JobSubmission, SubmittedJob } from '@murmuration/transcribe';

/** What happened, before it has an id. */
type Happening = JobEvent extends infer One ? (One extends JobEvent ? Omit<One, 'id'> : never) : never;

/** One job of the in-memory service. */
export interface MemoryJob {
  job: Job;
  readonly submission: JobSubmission;
  readonly events: JobEvent[];
  readonly segments: Segment[];
}

const DELIVERY: WebhookDeliveryRecord = {
  id: 'msg_1',
  event: 'job.done',
  state: 'pending',
  attempts: [{ atMs: 0, status: 500, fault: 'status', durationMs: 12.4 }],
  nextAttemptAtMs: 5_000,
};

/**
 * Jobs without audio: a "recording" is lines of text, each of them a segment of one second that is there as soon as its line has ended.
 * A recording that begins with `BAD` is no audio. A job stays `running` until the test ends it with `finish`.
 */
export class MemoryJobs implements JobService {
  readonly jobs = new Map<string, MemoryJob>();
  /** Every submission, in order, those that failed too. */
  readonly submissions: JobSubmission[] = [];
  /** Bytes that were read of all of them. */
  bytes = 0;
  /** Ended `follow`s. */
  left = 0;
  /** Set to make every call fail. */
  refusal: AsrError | null = null;
  filters: JobFilter[] = [];
  #onChange: (() => void)[] = [];

  async submit(submission: JobSubmission): Promise<SubmittedJob> {
    this.#admit();
    this.submissions.push(submission);
    this.#changed();
    const repeated =
      submission.idempotencyKey === null
        ? undefined
        : [...this.jobs.values()].find((one) => one.submission.idempotencyKey === submission.idempotencyKey);
    if (repeated !== undefined) {
      if (submission.hashBytes !== false) for await (const piece of submission.source) this.bytes += piece.length;
      if (repeated.submission.fingerprint !== submission.fingerprint) throw new AsrError('idempotency_conflict');
      return { job: repeated.job, created: false };
    }
    const id = submission.id ?? `00000000-0000-4000-8000-${String(this.jobs.size + 1).padStart(12, '0')}`;
    if (this.jobs.has(id)) throw new AsrError('job_exists');
    const entry: MemoryJob = { job: newJob(id, submission), submission, events: [], segments: [] };
    this.jobs.set(id, entry);
    try {
      await this.#read(entry);
    } catch (error) {
      this.jobs.delete(id);
      this.#changed();
      throw error;
    }
    entry.job = {
      ...entry.job,
      status: 'running',
      acceptedAtMs: 1_700_000_001_000,
      durationMs: entry.segments.length * 1_000,
      position: 0,
      estimatedSecondsLeft: 2.5,
    };
    this.happen(id, { type: 'accepted' });
    return { job: entry.job, created: true };
  }

  get(id: string, whose: Reach): Promise<Job> {
    return this.#find(id, whose).then((entry) => entry.job);
  }

  list(filter: JobFilter): Promise<JobPage> {
    this.filters.push(filter);
    const jobs = [...this.jobs.values()]
      .filter(({ job }) => filter.whose === 'everybody' || job.owner === filter.whose.owner)
      .map(({ job }) => job);
    return Promise.resolve({
      jobs: jobs.slice(0, filter.limit),
      nextCursor: jobs.length > filter.limit ? 'more' : null,
    });
  }

  async cancel(id: string, whose: Reach): Promise<Job> {
    const entry = await this.#find(id, whose);
    if (!isFinal(entry.job.status)) {
      entry.job = { ...entry.job, status: 'cancelled' };
      this.happen(id, { type: 'cancelled' });
    }
    entry.job = { ...entry.job, purged: true };
    return entry.job;
  }

  async transcript(id: string, whose: Reach): Promise<Transcript> {
    const { job, segments } = await this.#find(id, whose);
    if (!isFinal(job.status)) throw new AsrError('job_not_done', `The job is ${job.status}.`);
    if (job.purged) throw new AsrError('result_expired');
    if (job.error !== null) throw AsrError.fromRecord(job.error);
    return {
      id,
      text: segments.map((segment) => segment.text).join(' '),
      model: job.model,
      task: 'transcribe',
      language: 'en',
      languageProbability: 1,
      durationMs: segments.length * 1_000,
      channels: 1,
      segments,
      filtered: [],
      warnings: [],
      accounting: { speechMs: 1, nonSpeechMs: 0, skipped: [] },
      timings: { decodeMs: 1, detectMs: 1, queueMs: 1, inferenceMs: 1, totalMs: 4 },
    };
  }

  async follow(id: string, whose: Reach, afterId: string, signal: AbortSignal): Promise<AsyncIterable<JobEvent>> {
    const entry = await this.#find(id, whose);
    return this.#eventsOf(entry, Number(afterId.split('-')[0]), signal);
  }

  async deliveries(id: string, whose: Reach): Promise<readonly WebhookDeliveryRecord[]> {
    const { submission } = await this.#find(id, whose);
    return submission.webhook === null ? [] : [DELIVERY];
  }

  async redeliver(id: string, whose: Reach): Promise<readonly WebhookDeliveryRecord[]> {
    const { submission } = await this.#find(id, whose);
    if (submission.webhook === null) throw new AsrError('no_webhook');
    return [DELIVERY];
  }

  /** Ends a job. */
  finish(id: string, error: AsrError | null = null): void {
    const entry = this.#entry(id);
    entry.job = { ...entry.job, status: error === null ? 'done' : 'failed', error: error?.toRecord() ?? null };
    this.happen(id, error === null ? { type: 'done' } : { type: 'failed', error: error.toRecord() });
  }

  happen(id: string, happening: Happening): void {
    const { events } = this.#entry(id);
    events.push({ ...happening, id: `${String(events.length + 1)}-1000000` });
    this.#changed();
  }

  /** Waits until something has happened that makes the condition true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#change();
  }

  async #read(entry: MemoryJob): Promise<void> {
    const { id } = entry.job;
    const { signal, source } = entry.submission;
    let rest = '';
    for await (const piece of source) {
      this.bytes += piece.length;
      if (signal.aborted) throw new AsrError('cancelled');
      rest += Buffer.from(piece).toString('latin1').replaceAll(/#+/g, '');
      if (rest.startsWith('BAD')) throw new AsrError('unprocessable_audio');
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#add(entry, line);
      this.#changed();
    }
    if (rest !== '') this.#add(entry, rest);
    if (signal.aborted || entry.job.id !== id) throw new AsrError('cancelled');
  }

  #add(entry: MemoryJob, text: string): void {
    if (text === '') return;
    const index = entry.segments.length;
    const segment: Segment = {
      startMs: index * 1_000,
      endMs: index * 1_000 + 1_000,
      text,
      channel: 0,
      confidence: 0.9,
      avgLogprob: -0.1,
      noSpeechProb: 0,
      compressionRatio: 1,
      temperature: 0,
      tokens: [],
    };
    entry.segments.push(segment);
    this.happen(entry.job.id, { type: 'segment', index, segment });
  }

  async *#eventsOf(entry: MemoryJob, after: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    const wake = (): void => {
      this.#changed();
    };
    signal.addEventListener('abort', wake);
    try {
      for (let at = after; !signal.aborted;) {
        const one = entry.events[at];
        if (one !== undefined) {
          at += 1;
          yield one;
        } else if (isFinal(entry.job.status)) return;
        else await this.#change();
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.left += 1;
      this.#changed();
    }
  }

  async #find(id: string, whose: Reach): Promise<MemoryJob> {
    this.#admit();
    const entry = await Promise.resolve(this.jobs.get(id));
    if (entry === undefined || (whose !== 'everybody' && whose.owner !== entry.job.owner))
      throw new AsrError('not_found', 'There is no such job.');
    return entry;
  }

  #entry(id: string): MemoryJob {
    const entry = this.jobs.get(id);
    if (entry === undefined) throw new Error('no such job');
    return entry;
  }

  #admit(): void {
    if (this.refusal !== null) throw this.refusal;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange.push(resolve);
    });
  }

  #changed(): void {
    const waiting = this.#onChange;
    this.#onChange = [];
    for (const call of waiting) call();
  }
}

function newJob(id: string, { priority, owner, metadata, webhook, retentionSeconds }: JobSubmission): Job {
  return {
    id,
    submittedId: null,
    status: 'receiving',
    priority,
    model: 'org/memory-model',
    owner,
    metadata,
    webhook,
    retentionSeconds: retentionSeconds ?? 604_800,
    createdAtMs: 1_700_000_000_000,
    acceptedAtMs: null,
    finishedAtMs: null,
    expiresAtMs: null,
    purged: false,
    doneMs: 0,
    plannedMs: 0,
    durationMs: null,
    language: null,
    position: null,
    estimatedSecondsLeft: null,
    error: null,
  };
}
