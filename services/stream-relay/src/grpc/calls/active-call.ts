import { NOBODY, type Principal } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import type { MemoryPlace } from './message-memory.js';
import { ReadAhead } from './read-ahead.js';

/** What a handler knows of its call. */
export interface CallContext {
  /** The client's own where it sent a fitting one, else made here; in the answer and the log. */
  readonly requestId: string;
  readonly principal: Principal;
  /** Aborted when the call is over, whoever ended it; the reason is an `AsrError`. */
  readonly signal: AbortSignal;
}

/** A call that the server has in hand. arriving (asked who it is, waits for room) → served → ended. */
export class ActiveCall implements CallContext {
  requestId = '';
  principal: Principal = NOBODY;
  place: MemoryPlace | null = null;
  readonly readAhead = new ReadAhead();
  readonly #over = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Calls back after a while unless the call has ended by then. Answers what takes it back. */
  after(ms: number, call: () => void): () => void {
    const timer = setTimeout(call, ms).unref();
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }

  /** Frees everything; the first reason counts. */
  end(reason = new AsrError('cancelled')): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.place?.leave();
    this.#over.abort(reason);
  }
}
