import { AsrError, type ModelDescription, type RecordingSummary } from '@murmuration/contracts';
import {
  storeCall,
  type IdempotencyClaims,
  type JobIdentity,
  type JobIndex,
  type JobManifest,
  type JobTerms,
  type JobStore,
} from '@murmuration/store';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { JobSubmission } from '../job-service.js';
import { RecordingPlanner, type PlannerParts } from '../recording-planner.js';
import { RequestHash, type EarlierRequests } from './earlier-requests.js';

/** What submissions work with; all of it the node's. */
export interface SubmissionParts extends PlannerParts {
  readonly jobIndex: JobIndex;
  readonly claims: IdempotencyClaims;
  readonly earlier: EarlierRequests;
  readonly leaseMs: number;
}

/** Times acceptance is asked for when Redis does not answer. */
const ACCEPT_ATTEMPTS = 3;

/**
 * One recording at an API node, until it is accepted.
 *
 * receiving (leased; chunks are stored and queued, results come in) --all is stored, the key is its own--> accepted
 * receiving --bad bytes, client gone, deleted, another request has the key--> withdrawn: nothing of it is left
 */
export class Submission {
  readonly #job: JobIdentity;
  readonly #submission: JobSubmission;
  readonly #terms: JobTerms;
  readonly #parts: SubmissionParts;
  readonly #hash: RequestHash | null;
  readonly #planner: RecordingPlanner;
  readonly #lost = new AbortController();

  constructor(
    job: JobIdentity,
    submission: JobSubmission,
    terms: JobTerms,
    model: ModelDescription,
    parts: SubmissionParts,
  ) {
    this.#job = job;
    this.#submission = submission;
    this.#terms = terms;
    this.#parts = parts;
    const hashed = submission.idempotencyKey !== null && submission.hashBytes !== false;
    this.#hash =
      submission.idempotencyKey === null
        ? null
        : new RequestHash(submission.fingerprint, hashed ? submission.source : null);
    const source = hashed && this.#hash !== null ? this.#hash.pieces() : submission.source;
    // Storing what comes is all that is asked for here: how far the workers are does not matter.
    this.#planner = new RecordingPlanner(job, { ...submission, source }, model, parts, Infinity);
  }

  /** The job must have been created. Resolves with the accepted job: this one, or the one that has its Idempotency-Key. */
  async run(): Promise<JobManifest> {
    const lease = new Lease(this.#parts.jobs, this.#job, this.#parts.leaseMs, () => {
      this.#lost.abort();
    });
    try {
      const earlier = await this.#work(lease);
      if (earlier !== null) {
        await this.#withdraw(new AsrError('cancelled'));
        return earlier;
      }
    } catch (error) {
      const told = await this.#cause(AsrError.from(error));
      await lease.stop();
      await this.#withdraw(told);
      // Not waited for: a source that hangs may never let go.
      this.#hash?.stop().catch(leaveAlone('closing'));
      throw told;
    } finally {
      await lease.stop();
    }
    const accepted = await storeCall(() => this.#parts.jobIndex.read(this.#job.id));
    if (accepted === null) throw new AsrError('internal');
    return accepted;
  }

  /** Answers the job that has the key, or null when this one is accepted. */
  async #work(lease: Lease): Promise<JobManifest | null> {
    const signal = AbortSignal.any([this.#submission.signal, this.#lost.signal]);
    const summary = await this.#planner.plan(signal);
    const key = this.#submission.idempotencyKey;
    if (key !== null && this.#hash !== null) {
      const earlier = await this.#parts.earlier.claim(
        this.#submission.owner,
        key,
        { job: this.#job.id, hash: await this.#hash.end() },
        signal,
      );
      if (earlier !== null) return earlier;
    }
    if (signal.aborted) throw new AsrError('cancelled');
    await lease.stop();
    await this.#accept(summary);
    return null;
  }

  async #accept(summary: RecordingSummary): Promise<void> {
    const { jobIndex, jobs } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      try {
        await storeCall(() =>
          jobIndex.watch({ id: this.#job.id, modelSlug: this.#job.modelSlug, priority: this.#terms.priority }),
        );
        if (!(await storeCall(() => jobs.accept(this.#job, summary), this.#parts.audio.putLimitMs)))
          throw new AsrError('cancelled');
        return;
      } catch (error) {
        // Asking again finds out whether it was accepted.
        if (attempt === ACCEPT_ATTEMPTS || AsrError.from(error).code !== 'backend_unavailable') throw error;
      }
    }
  }

  /** Why the job ended while it was received, where a worker or another request ended it. */
  async #cause(error: AsrError): Promise<AsrError> {
    if (error.code !== 'cancelled' || this.#submission.signal.aborted) return error;
    const manifest = await storeCall(() => this.#parts.jobIndex.read(this.#job.id)).catch(
      leaveAlone('best_effort', null),
    );
    if (manifest?.error) return AsrError.fromRecord(manifest.error);
    return new AsrError('cancelled', 'The job was cancelled while it was received.');
  }

  /** Takes all of it away; where Redis is away, the lease does the same. */
  async #withdraw(error: AsrError): Promise<void> {
    const { jobs, jobIndex, claims } = this.#parts;
    const { id, owner, modelSlug } = this.#job;
    const key = this.#submission.idempotencyKey;
    await storeCall(async () => {
      await jobIndex.unwatch({ id, modelSlug, priority: this.#terms.priority });
      await jobs.withdraw(this.#job, error.toRecord(), () => jobIndex.forget(id, owner));
      if (key === null) return;
      const claim = await claims.read(owner, key);
      if (claim?.job === id) await claims.release(owner, key, claim);
    }, this.#parts.audio.putLimitMs).catch(leaveAlone('best_effort'));
  }
}

/** Keeps a job alive while its API node works on it. */
export class Lease {
  readonly #timer: NodeJS.Timeout;
  #renewing: Promise<void> = Promise.resolve();

  /** @param onLost called when the job is gone, or no longer lives by its lease; trouble with Redis is met by trying again */
  constructor(jobs: Pick<JobStore, 'renew'>, job: JobIdentity, leaseMs: number, onLost: () => void) {
    const renew = async (): Promise<void> => {
      if (!(await storeCall(() => jobs.renew(job)))) onLost();
    };
    this.#timer = setInterval(() => {
      this.#renewing = this.#renewing.then(renew).catch(leaveAlone('repeated'));
    }, leaseMs / 3);
    // A lease alone keeps no process.
    this.#timer.unref();
  }

  /** Resolves when the last renewal is over. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
  }
}
