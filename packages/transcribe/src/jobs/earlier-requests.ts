import { AsrError, isFinal } from '@murmuration/contracts';
import { storeCall, type Claim, type IdempotencyClaims, type JobIndex, type JobManifest } from '@murmuration/store';
import type { JobSubmission } from '../job-service.js';
import { RequestHash } from './request-hash.js';
import { statusOf } from './to-job.js';

/** A job that another node receives is looked at this often, milliseconds: a repeated request is answered so much later at most. */
const LOOK_EVERY_MS = 200;
/** When a repeated request whose first broke off is to be sent again, seconds: at once, for its bytes are needed. */
const AGAIN_S = 1;

/** Finds the job that a repeated request was answered with before. */
export class EarlierRequests {
  readonly #claims: IdempotencyClaims;
  readonly #jobIndex: JobIndex;

  constructor(claims: IdempotencyClaims, jobIndex: JobIndex) {
    this.#claims = claims;
    this.#jobIndex = jobIndex;
  }

  /**
   * The job of the submission's Idempotency-Key once it is accepted; its bytes are only compared then. Null when the key is new: the bytes are untouched.
   * Throws `idempotency_conflict` when the key belongs to another request.
   */
  async find(submission: JobSubmission, key: string): Promise<JobManifest | null> {
    const claim = await storeCall(() => this.#claims.read(submission.owner, key));
    if (claim === null || !(await this.#lives(claim.job))) return null;
    return this.#compared(submission, claim);
  }

  /** As `find`, for a submission whose id is taken: it may be the same request, still on its way at another API node. Null when it is not. */
  async findById(submission: JobSubmission, key: string, id: string): Promise<JobManifest | null> {
    if ((await this.#untilAccepted(id, submission.signal)) === null) return null;
    const claim = await storeCall(() => this.#claims.read(submission.owner, key));
    return claim?.job === id ? this.#compared(submission, claim) : null;
  }

  /**
   * Takes the key for a job whose bytes are all read. Answers null when it has it, else the accepted job that had it before.
   * Throws `idempotency_conflict` when that was another request.
   */
  async claim(owner: string | null, key: string, mine: Claim, signal: AbortSignal): Promise<JobManifest | null> {
    for (;;) {
      const claim = await storeCall(() => this.#claims.take(owner, key, mine));
      if (claim.job === mine.job) return null;
      if (claim.hash !== mine.hash && (await this.#lives(claim.job))) throw new AsrError('idempotency_conflict');
      const accepted = await this.#untilAccepted(claim.job, signal);
      if (accepted !== null) return accepted;
      // Its API node died between taking the key and accepting.
      if (await storeCall(() => this.#claims.replace(owner, key, claim, mine))) return null;
    }
  }

  async #compared(submission: JobSubmission, claim: Claim): Promise<JobManifest> {
    const hash = await new RequestHash(
      submission.fingerprint,
      submission.hashBytes === false ? null : submission.source,
    ).end();
    if (hash !== claim.hash) throw new AsrError('idempotency_conflict');
    const job = await this.#untilAccepted(claim.job, submission.signal);
    if (job === null)
      throw new AsrError(
        'backend_unavailable',
        'The first request with this Idempotency-Key broke off. Send it again.',
        { retryAfterSeconds: AGAIN_S },
      );
    return job;
  }

  async #lives(id: string): Promise<boolean> {
    const job = await storeCall(() => this.#jobIndex.read(id));
    return job !== null && !isLost(job);
  }

  /** Waits for the job to be accepted; null when it will never be. */
  async #untilAccepted(id: string, signal: AbortSignal): Promise<JobManifest | null> {
    for (;;) {
      const job = await storeCall(() => this.#jobIndex.read(id));
      if (job === null || isLost(job)) return null;
      if (job.acceptedAtMs !== null) return job;
      if (signal.aborted) throw new AsrError('cancelled');
      await new Promise((resolve) => {
        setTimeout(resolve, LOOK_EVERY_MS);
      });
    }
  }
}

/** Ended before it was accepted. */
function isLost(job: JobManifest): boolean {
  return job.acceptedAtMs === null && isFinal(statusOf(job));
}
