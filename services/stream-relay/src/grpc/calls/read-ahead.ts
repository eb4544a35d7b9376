/** Audio of a streamed request that has arrived and is not taken, at most, unless a single message is larger. */
const LIMIT_BYTES = 256 * 1024;

/** Holds the next message of a streamed request back while too much audio waits to be taken; so the client is slowed. One message is held at most. */
export class ReadAhead {
  #bytes = 0;
  #held: { readonly bytes: number; deliver(): void } | null = null;

  /** A message has arrived: delivers it now or when there is room. */
  add(bytes: number, deliver: () => void): void {
    this.#bytes += bytes;
    if (this.#bytes <= LIMIT_BYTES || this.#bytes === bytes) deliver();
    else this.#held = { bytes, deliver };
  }

  /** A message was taken. */
  taken(bytes: number): void {
    this.#bytes -= bytes;
    const held = this.#held;
    if (held === null || (this.#bytes > LIMIT_BYTES && this.#bytes > held.bytes)) return;
    this.#held = null;
    held.deliver();
  }
}

/** Bytes of audio in a decoded request. */
export function audioBytes(message: unknown): number {
  return typeof message === 'object' && message !== null && 'audio' in message && message.audio instanceof Uint8Array ? message.audio.byteLength : 0;
}
