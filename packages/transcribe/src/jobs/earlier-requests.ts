import { createHash } from 'node:crypto';
import { AsrError, isFinal } from '@murmuration/contracts';
import { storeCall, type Claim, type IdempotencyClaims, type JobIndex, type JobManifest } from '@murmuration/store';
import type { JobSubmission } from '../job-service.js';
import { statusOf } from './job-views.js';

/**
 * Tells a request from others: SHA-256 over that of its fields and that of its bytes, which are hashed as they pass.
 * The source is read once: by whoever takes `pieces`, and what that reader leaves by `end`.
 */
export class RequestHash {
  readonly #hash = createHash('sha256');
  readonly #iterator: AsyncIterator<Uint8Array> | null;

  /** @param source null when the bytes do not count: then it may not be taken either */
  constructor(fingerprint: string, source: AsyncIterable<Uint8Array> | null) {
    this.#hash.update(createHash('sha256').update(fingerprint).digest());
    this.#iterator = source?.[Symbol.asyncIterator]() ?? null;
  }

  /** The bytes as they come. A reader that stops early leaves the rest. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    for (let piece = await this.#next(); piece !== null; piece = await this.#next()) yield piece;
  }

  /** Reads what is left; the hash in hexadecimal. Call it once. */
  async end(): Promise<string> {
    while ((await this.#next()) !== null);
    return this.#hash.digest('hex');
  }

  /** Lets go of the source without reading the rest. */
  async stop(): Promise<void> {
    await this.#iterator?.return?.();
  }

  async #next(): Promise<Uint8Array | null> {
    const next = await this.#iterator?.next();
    if (next === undefined || next.done === true) return null;
    // Before it is handed out: its reader may move the bytes to a thread.
    this.#hash.update(next.value);
    return next.value;
  }
}

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
