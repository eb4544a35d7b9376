import type { Logger } from '@murmuration/runtime';

/** Trouble is over when it has not been met for this long, milliseconds: a store that fails over answers some calls and refuses others for a while. */
const OVER_AFTER_MS = 5_000;

/** Logs trouble that comes again and again in one line when it begins and one when it is over, however often it is met. */
export class TroubleLog {
  readonly #logger: Logger;
  readonly #what: string;
  readonly #nowMs: () => number;
  /** When it was last met; null when it is over. */
  #metAtMs: number | null = null;

  /** @param what completes "… had trouble" and "… works again" @param nowMs a clock that never goes back */
  constructor(logger: Logger, what: string, nowMs: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#what = what;
    this.#nowMs = nowMs;
  }

  met(error: Error): void {
    if (this.#metAtMs === null) this.#logger.warn({ reason: error.message }, `${this.#what} had trouble; going on`);
    this.#metAtMs = this.#nowMs();
  }

  /** To be called whenever something succeeds. */
  over(): void {
    if (this.#metAtMs === null || this.#nowMs() - this.#metAtMs < OVER_AFTER_MS) return;
    this.#logger.info(`${this.#what} works again`);
    this.#metAtMs = null;
  }
}
