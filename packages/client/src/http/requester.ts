import { createParser } from 'eventsource-parser';
import { MurmurationError } from '../murmuration-error.js';
import { type Backoff, backoffMs, type Call, Exchange, type ExchangeOptions, pause } from './exchange.js';

/** A server that wants to be left alone for longer is believed, and its error told. */
const LONGEST_RETRY_AFTER_SECONDS = 60;
/** Answers after which the same request may succeed: too slow, too much at once, a node or proxy that is away. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);
/** Answers that say that nothing was begun. */
const REFUSING_STATUSES: ReadonlySet<number> = new Set([429, 503]);

export interface RequesterOptions extends ExchangeOptions {
  /** Attempts after the first. */
  readonly retries: number;
  readonly backoff: Backoff;
}

/** Makes calls, and repeats those that may be. Throws `MurmurationError`, or the reason of the caller's signal. */
export class Requester {
  readonly #options: RequesterOptions;

  constructor(options: RequesterOptions) {
    this.#options = options;
  }

  get backoff(): Backoff {
    return this.#options.backoff;
  }

  /** Makes the call until an answer is good and read, or no retry is left. `read` runs at most once an attempt. */
  call<T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> {
    return this.#repeated(call, async () => {
      const exchange = new Exchange(call, this.#options);
      try {
        const response = await exchange.open();
        return await read(response);
      } catch (error) {
        throw exchange.explained(error);
      } finally {
        exchange.close();
      }
    });
  }

  /** As `call`, for an answer in JSON. Its shape is the server's promise and is not checked. */
  json<T>(call: Call): Promise<T> {
    return this.call(call, async (response) => {
      const text = await response.text();
      try {
        return JSON.parse(text) as T;
      } catch (error) {
        throw new MurmurationError('bad_answer', 'the answer is not JSON: is there another server at this address?', {
          status: response.status,
          requestId: response.headers.get('x-request-id'),
          cause: error,
        });
      }
    });
  }

  /**
   * Makes the call until its answer begins, then gives its events; once it has begun it is not repeated. `silenceMs`: see `readEvents`.
   * Null when the server says that there is nothing (204).
   */
  async openEvents(call: Call, silenceMs: number): Promise<AsyncGenerator<ServerEvent, void> | null> {
    const { exchange, response } = await this.#repeated(call, async () => {
      const opening = new Exchange(call, this.#options);
      try {
        return { exchange: opening, response: await opening.open() };
      } catch (error) {
        opening.close();
        throw error;
      }
    });
    if (response.status !== 204) return eventsOf(exchange, response, silenceMs);
    exchange.close();
    return null;
  }

  async #repeated<T>(call: Call, attempt: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      try {
        return await attempt();
      } catch (error) {
        if (failures >= this.#options.retries || !(error instanceof MurmurationError) || !mayRepeat(call, error))
          throw error;
        const askedMs = (error.retryAfterSeconds ?? 0) * 1_000;
        await pause(Math.max(askedMs, backoffMs(this.#options.backoff, failures)), call.signal);
      }
    }
  }
}

async function* eventsOf(exchange: Exchange, response: Response, silenceMs: number): AsyncGenerator<ServerEvent, void> {
  try {
    yield* readEvents(response, silenceMs);
  } catch (error) {
    throw exchange.explained(error);
  } finally {
    exchange.close();
  }
}

function mayRepeat(call: Call, error: MurmurationError): boolean {
  if (call.retry === 'never' || (error.retryAfterSeconds ?? 0) > LONGEST_RETRY_AFTER_SECONDS) return false;
  if (error.status === null) return call.retry === 'always' && error.code === 'unreachable';
  return (call.retry === 'always' ? PASSING_STATUSES : REFUSING_STATUSES).has(error.status);
}

/** One server-sent event. */
export interface ServerEvent {
  /** `message` when the server named none. */
  readonly type: string;
  /** Empty when the server gave none. */
  readonly id: string;
  readonly data: string;
}

/**
 * Events of an answer, until the server ends it.
 * A server says something every few seconds, if only a comment; after `silenceMs` without a byte the connection is taken for dead and `unreachable` thrown.
 */
export async function* readEvents(response: Response, silenceMs: number): AsyncGenerator<ServerEvent> {
  if (response.body === null) return;
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  const ready: ServerEvent[] = [];
  const parser = createParser({
    onEvent: ({ event, id, data }) => {
      ready.push({ type: event ?? 'message', id: id ?? '', data });
    },
  });
  const silence = { isOver: false };
  try {
    for (;;) {
      const timer = setTimeout(() => {
        silence.isOver = true;
        void reader.cancel().catch(() => undefined);
      }, silenceMs);
      const { done, value } = await reader.read().finally(() => {
        clearTimeout(timer);
      });
      if (silence.isOver)
        throw new MurmurationError('unreachable', `the server has said nothing for ${String(silenceMs / 1_000)} s`);
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* ready.splice(0);
    }
  } catch (error) {
    if (error instanceof MurmurationError) throw error;
    throw new MurmurationError(
      'unreachable',
      `the connection broke: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
