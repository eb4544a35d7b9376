/**
 * Ends a wait when something goes wrong elsewhere. The first fault counts.
 * `Promise.race` with one long-lived promise would do the same and keep every value it ever raced against: a whole upload.
 */
export class FirstFault {
  #fault: { readonly error: Error } | null = null;
  #reject: (error: Error) => void = () => undefined;

  occur(error: Error): void {
    if (this.#fault !== null) return;
    this.#fault = { error };
    this.#reject(error);
  }

  /** What the work gives, or the fault, whichever comes first. One wait at a time. */
  async unless<T>(work: Promise<T>): Promise<T> {
    if (this.#fault !== null) {
      work.catch(() => undefined);
      throw this.#fault.error;
    }
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#reject = reject;
        work.then(resolve, reject);
      });
    } finally {
      this.#reject = () => undefined;
    }
  }
}
