/**
 * An abort of our own that also follows a caller's signal.
 * `release` when the work is over: the caller's signal may live on, and would keep what listens to it.
 */
export class LinkedAbort {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #follow = (): void => { this.#controller.abort(this.#outer?.reason); };

  constructor(outer: AbortSignal | undefined) {
    this.#outer = outer;
    if (outer?.aborted === true) this.#follow();
    else outer?.addEventListener('abort', this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  release(): void {
    this.#outer?.removeEventListener('abort', this.#follow);
  }
}
