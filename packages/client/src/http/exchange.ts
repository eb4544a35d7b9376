import { answerError, MurmurationError } from '../murmuration-error.js';
import type { UploadBody } from './upload-body.js';

/** One request, and how often it may be made. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Begins with a slash; its parts are escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each attempt. */
  readonly body?: () => UploadBody;
  readonly signal?: AbortSignal | undefined;
  /** `always`: doing it twice does no harm. `refused`: only after an answer that nothing was begun. */
  readonly retry: 'always' | 'refused' | 'never';
  /** An attempt is given up when its answer is not there after so long; without it an answer may take its time. */
  readonly limitMs?: number;
}

/** For requests that only ask. */
export const SHORT_MS = 30_000;

/** Path of an address, its parts escaped: `path('v1', 'jobs', id)`. */
export function path(...parts: readonly string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join('');
}

/**
 * An abort of our own that also follows a caller's signal.
 * `release` when the work is over: the caller's signal may live on, and would keep what listens to it.
 */
export class LinkedAbort {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #follow = (): void => {
    this.#controller.abort(this.#outer?.reason);
  };

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

/** Growing pauses between attempts, milliseconds. */
export interface Backoff {
  /** Longest first pause. */
  readonly baseMs: number;
  /** Longest pause at all. */
  readonly capMs: number;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
}

/** The pause after so many failures (0: the first): doubles up to the cap, its upper half left to chance, so that many clients do not come back at once. */
export function backoffMs({ baseMs, capMs, random }: Backoff, failures: number): number {
  return Math.min(capMs, baseMs * 2 ** failures) * (0.5 + random() / 2);
}

/** Waits. Throws the signal's reason when it is aborted meanwhile. */
export function pause(durationMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      clearTimeout(timer);
      reject(reasonOf(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', leave);
      resolve();
    }, durationMs);
    if (signal?.aborted === true) leave();
    else signal?.addEventListener('abort', leave, { once: true });
  });
}

/** Why a signal was aborted, always as an error. */
export function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error
    ? reason
    : new Error(typeof reason === 'string' ? reason : 'aborted', { cause: reason });
}

export interface ExchangeOptions {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly apiKey: string | null;
  readonly fetch: typeof globalThis.fetch;
}

/** One attempt at a call, from its request to the end of its answer. `close` it whatever happens. */
export class Exchange {
  readonly #call: Call;
  readonly #options: ExchangeOptions;
  readonly #abort: LinkedAbort;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #upload: UploadBody | undefined;

  constructor(call: Call, options: ExchangeOptions) {
    const { limitMs } = call;
    this.#call = call;
    this.#options = options;
    this.#abort = new LinkedAbort(call.signal);
    this.#upload = call.body?.();
    if (limitMs !== undefined)
      this.#timer = setTimeout(() => {
        this.#abort.abort(new Error(`no answer in ${String(limitMs / 1_000)} s`));
      }, limitMs);
  }

  /** Sends the request and answers the response when it is good. Throws what `explained` gives. */
  async open(): Promise<Response> {
    const { apiKey, baseUrl, fetch } = this.#options;
    try {
      this.#abort.signal.throwIfAborted();
      const response = await fetch(`${baseUrl}${this.#call.path}${queryOf(this.#call)}`, {
        method: this.#call.method,
        headers: {
          ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
          ...this.#call.headers,
          ...this.#upload?.headers,
        },
        signal: this.#abort.signal,
        ...(this.#upload === undefined ? {} : { body: this.#upload.body, duplex: 'half' as const }),
        // With both of these Node's fetch keeps no second copy of what it sends in case of a redirect: 2 GB cost 50 MB instead of 2 GB.
        redirect: 'error',
        window: null,
      });
      if (!response.ok) throw await answerError(response, Date.now());
      return response;
    } catch (error) {
      throw this.explained(error);
    }
  }

  /** What a caller is told of a fault: what its own stream threw, why it aborted, the server's error, or `unreachable`. */
  explained(error: unknown): Error {
    if (this.#upload?.fault !== undefined) return this.#upload.fault;
    if (this.#call.signal?.aborted === true) return reasonOf(this.#call.signal);
    if (error instanceof MurmurationError) return error;
    return new MurmurationError('unreachable', `${this.#options.baseUrl} does not answer: ${innermost(error)}`, {
      cause: error,
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#abort.release();
  }
}

function queryOf({ query }: Call): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

/** What fetch hides in causes: `connect ECONNREFUSED 127.0.0.1:8000` instead of `fetch failed`. */
function innermost(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof AggregateError && error.cause.errors[0] instanceof Error)
    return error.cause.errors[0].message;
  return error.cause instanceof Error ? error.cause.message : error.message;
}
