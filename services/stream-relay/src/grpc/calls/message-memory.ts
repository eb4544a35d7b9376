import { AsrError } from '@murmuration/contracts';

/** When a client that found too many waiting is to call again, seconds: messages are worked off at any time. */
const FULL_RETRY_S = 5;

export interface MessageMemoryLimits {
  /** Messages that arrive at once. */
  readonly arriving: number;
  /** Bytes of messages in memory from which on no other may arrive. */
  readonly heldBytes: number;
  /** Calls that wait for one of these. */
  readonly waiting: number;
}

/** A call's place; `leave` frees it and may be called again. */
export interface MemoryPlace {
  /** The message is there and has so many bytes. */
  arrived(bytes: number): void;
  leave(): void;
}

/**
 * Bounds the memory of requests that are one large message. Nobody can know a message's size before it is there, so a bounded number arrives at once;
 * the others wait with their bytes still on the client's side.
 * A place: waiting → arriving (counts as one) → held (counts by its bytes) → left.
 */
export class MessageMemory {
  readonly #limits: MessageMemoryLimits;
  readonly #waiting = new Set<() => void>();
  #arriving = 0;
  #heldBytes = 0;

  constructor(limits: MessageMemoryLimits) {
    this.#limits = limits;
  }

  /** Resolves when a message may arrive. Throws `queue_full` when too many wait, and the signal's reason. */
  async enter(signal: AbortSignal): Promise<MemoryPlace> {
    while (!this.#hasRoom()) {
      if (this.#waiting.size >= this.#limits.waiting)
        throw new AsrError('queue_full', undefined, { retryAfterSeconds: FULL_RETRY_S });
      await this.#change(signal);
      signal.throwIfAborted();
    }
    this.#arriving++;
    return this.#place();
  }

  #hasRoom(): boolean {
    return this.#arriving < this.#limits.arriving && this.#heldBytes < this.#limits.heldBytes;
  }

  #place(): MemoryPlace {
    let bytes: number | null = null;
    let left = false;
    return {
      arrived: (size) => {
        if (left || bytes !== null) return;
        bytes = size;
        this.#arriving--;
        this.#heldBytes += size;
        this.#wake();
      },
      leave: () => {
        if (left) return;
        left = true;
        if (bytes === null) this.#arriving--;
        else this.#heldBytes -= bytes;
        this.#wake();
      },
    };
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
