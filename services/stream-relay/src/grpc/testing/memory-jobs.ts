import type { Reach } from '@murmuration/access';
import { AsrError, type Job, type JobEvent, type Transcript } from '@murmuration/contracts';
import type { JobFilter, JobPage, JobService, JobSubmission, SubmittedJob } from '@murmuration/transcribe';

/** Accepts jobs and remembers what was asked; a job ends when it is cancelled. A recording that begins with `BAD` is no audio. */
export class MemoryJobs implements JobService {
  readonly submissions: JobSubmission[] = [];
  readonly jobs = new Map<string, Job>();
  readonly filters: JobFilter[] = [];
  /** Events that `follow` was asked to go on after. */
  readonly followed: string[] = [];
  bytes = 0;
  /** While it is set, no byte is read. */
  held: Promise<void> | null = null;

  async submit(submission: JobSubmission): Promise<SubmittedJob> {
    this.submissions.push(submission);
    let opening = '';
    for await (const piece of submission.source) {
      await this.held;
      this.bytes += piece.byteLength;
      opening ||= Buffer.from(piece).toString('latin1');
      // As a decoder would: it has its own words for an input that breaks off.
      if (opening.startsWith('BAD')) throw new AsrError('unprocessable_audio');
    }
    const id = submission.id ?? '00000000-0000-4000-8000-000000000001';
    const job: Job = {
      id,
      submittedId: null,
      status: 'queued',
      priority: submission.priority,
      model: 'org/memory-model',
      owner: submission.owner,
      createdAtMs: 1_700_000_000_000,
      acceptedAtMs: 1_700_000_000_001,
      finishedAtMs: null,
      expiresAtMs: null,
      purged: false,
      retentionSeconds: submission.retentionSeconds ?? 604_800,
      doneMs: 0,
      plannedMs: 1_000.5,
      durationMs: 2_000,
      language: null,
      position: 0,
      estimatedSecondsLeft: 1.5,
      error: null,
      metadata: submission.metadata,
      webhook: submission.webhook,
    };
    this.jobs.set(id, job);
    return { job, created: true };
  }

  async get(id: string, whose: Reach): Promise<Job> {
    const job = await Promise.resolve(this.jobs.get(id));
    if (job === undefined || (whose !== 'everybody' && whose.owner !== job.owner))
      throw new AsrError('not_found', 'There is no such job.');
    return job;
  }

  list(filter: JobFilter): Promise<JobPage> {
    this.filters.push(filter);
    return Promise.resolve({
      jobs: [...this.jobs.values()].filter(({ owner }) => filter.whose === 'everybody' || owner === filter.whose.owner),
      nextCursor: 'more',
    });
  }

  async cancel(id: string, whose: Reach): Promise<Job> {
    const job: Job = {
      ...(await this.get(id, whose)),
      status: 'failed',
      error: { code: 'transcription_failed', message: 'm', param: null, retryAfterSeconds: null },
    };
    this.jobs.set(id, job);
    return job;
  }

  async transcript(id: string, whose: Reach): Promise<Transcript> {
    throw new AsrError('job_not_done', `The job is ${(await this.get(id, whose)).status}.`);
  }

  async follow(id: string, whose: Reach, afterId: string, signal: AbortSignal): Promise<AsyncIterable<JobEvent>> {
    await this.get(id, whose);
    this.followed.push(afterId);
    return (async function* (): AsyncGenerator<JobEvent> {
      yield { id: '1-0', type: 'accepted' };
      yield { id: '2-0', type: 'progress', doneMs: 1, plannedMs: 2 };
      await new Promise<void>((resolve) => {
        signal.addEventListener(
          'abort',
          () => {
            resolve();
          },
          { once: true },
        );
      });
    })();
  }

  deliveries(): Promise<readonly never[]> {
    return Promise.resolve([]);
  }

  redeliver(): Promise<readonly never[]> {
    return Promise.resolve([]);
  }
}
