import type { Logger } from '@murmuration/runtime';

/** Logs trouble that comes again and again in one line when it begins and one when it is over, however often it is met. */
export class TroubleLog {
  readonly #logger: Logger;
  readonly #what: string;
  #troubled = false;

  /** @param what completes "… had trouble" and "… works again" */
  constructor(logger: Logger, what: string) {
    this.#logger = logger;
    this.#what = what;
  }

  met(error: Error): void {
    if (!this.#troubled) this.#logger.warn({ reason: error.message }, `${this.#what} had trouble; going on`);
    this.#troubled = true;
  }

  over(): void {
    if (this.#troubled) this.#logger.info(`${this.#what} works again`);
    this.#troubled = false;
  }
}
