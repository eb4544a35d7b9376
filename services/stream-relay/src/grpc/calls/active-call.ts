import { NOBODY, type Principal } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import { NO_SPAN, type TraceSpan } from '@murmuration/runtime';
import type { MemoryPlace } from './message-memory.js';

/** What a handler knows of its call. */
export interface CallContext {
  /** The client's own where it sent a fitting one, else made here; in the answer and the log. */
  readonly requestId: string;
  readonly principal: Principal;
  /** Continues the client's trace. */
  readonly span: TraceSpan;
  /** Aborted when the call is over, whoever ended it; the reason is an `AsrError`. */
  readonly signal: AbortSignal;
}

/** A call in progress. arriving (is authenticated, waits for memory) → served → ended. */
export class ActiveCall implements CallContext {
  requestId = '';
  principal: Principal = NOBODY;
  span: TraceSpan = NO_SPAN;
  place: MemoryPlace | null = null;
  readonly readAhead = new ReadAhead();
  readonly #over = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Calls back after a while unless the call has ended by then. Returns a function that cancels this. */
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

/** Audio of a streamed request that has arrived and is not taken, at most, unless a single message is larger. */
const LIMIT_BYTES = 256 * 1024;

/** Holds the next message of a streamed request back while too much audio waits to be taken; so the client is slowed. One message is held at most. */
class ReadAhead {
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
  return typeof message === 'object' && message !== null && 'audio' in message && message.audio instanceof Uint8Array
    ? message.audio.byteLength
    : 0;
}

/** Runs what watches something until it ends, the call is over or the relay stops, when the client is told `shutting_down`: it calls again, elsewhere, and continues. */
export async function untilLeaving(
  call: CallContext,
  draining: AbortSignal,
  watch: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const end = (): void => {
    over.abort();
  };
  for (const signal of [call.signal, draining]) {
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  }
  try {
    await watch(over.signal);
  } finally {
    for (const signal of [call.signal, draining]) signal.removeEventListener('abort', end);
  }
  if (draining.aborted && !call.signal.aborted)
    throw new AsrError(
      'shutting_down',
      'The server is stopping. Call again, with the last event id: another one goes on.',
    );
}
