import { createHash } from 'node:crypto';

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
