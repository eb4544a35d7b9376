/**
 * Keeps what a source of bytes failed with. Whoever decodes them has words of its own for an input that breaks off,
 * and the client is to be told the cause.
 */
export class KeptFault {
  #fault: { readonly error: unknown } | null = null;

  /** The source's pieces, and its fault. */
  async *passing(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* source;
    } catch (error) {
      this.#fault = { error };
      throw error;
    }
  }

  /** The source's fault where there was one, else the error that is given. */
  insteadOf(error: unknown): unknown {
    return this.#fault === null ? error : this.#fault.error;
  }
}
