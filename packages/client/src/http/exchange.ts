import { MurmurationError } from '../murmuration-error.js';
import { answerError } from './answer-error.js';
import { reasonOf } from './backoff.js';
import type { Call } from './call.js';
import { LinkedAbort } from './linked-abort.js';
import type { UploadBody } from './upload-body.js';

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
    if (limitMs !== undefined) this.#timer = setTimeout(() => { this.#abort.abort(new Error(`no answer in ${String(limitMs / 1_000)} s`)); }, limitMs);
  }

  /** Sends the request and answers the response when it is good. Throws what `explained` gives. */
  async open(): Promise<Response> {
    const { apiKey, baseUrl, fetch } = this.#options;
    try {
      this.#abort.signal.throwIfAborted();
      const response = await fetch(`${baseUrl}${this.#call.path}${queryOf(this.#call)}`, {
        method: this.#call.method,
        headers: { ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }), ...this.#call.headers, ...this.#upload?.headers },
        signal: this.#abort.signal,
        ...(this.#upload === undefined ? {} : { body: this.#upload.body, duplex: 'half' as const }),
        // With both of these Node's fetch keeps no second copy of what it sends in case of a redirect: 2 GB cost 50 MB instead of 2 GB.
        redirect: 'error', window: null,
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
    return new MurmurationError('unreachable', `${this.#options.baseUrl} does not answer: ${innermost(error)}`, { cause: error });
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
  if (error.cause instanceof AggregateError && error.cause.errors[0] instanceof Error) return error.cause.errors[0].message;
  return error.cause instanceof Error ? error.cause.message : error.message;
}
