import { storeCall, type JobIdentity, type JobStore } from '@murmuration/store';
import { leaveAlone } from '@murmuration/contracts/left-alone';

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
