import type { ActiveSession, Capabilities, ClusterFigures } from './cluster/cluster-types.js';
import { Keys, type OwnUsage } from './cluster/keys.js';
import { SHORT_MS } from './http/exchange.js';
import { Requester } from './http/requester.js';
import type { AudioInput } from './http/upload-body.js';
import { Jobs } from './jobs/jobs.js';
import type { LiveSession } from './live/live-session.js';
import type { LiveOptions, WebSocketConstructor } from './live/live-types.js';
import { startLive, type LiveParts } from './live/start-live.js';
import { watchLive, type WatchedEvent, type WatchOptions } from './live/watch-live.js';
import {
  transcribe,
  transcribeAs,
  transcribeStream,
  type TranscribeOptions,
  type TranscribePart,
} from './transcribe/transcribe.js';
import type { SubtitleLayout, Transcript } from './transcribe/transcript-types.js';

/** A server sends a comment every ten seconds; after so long without a byte a connection is taken for dead. */
const SILENCE_MS = 45_000;
const RETRIES = 4;
const BACKOFF = { baseMs: 500, capMs: 8_000 };

export interface MurmurationOptions {
  /** Address of the API, for example `http://127.0.0.1:8000`. */
  readonly baseUrl: string | URL;
  /** Sent as `Authorization: Bearer`. */
  readonly apiKey?: string | undefined;
  /** In place of the global one. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Attempts after the first, for what may be repeated; default 4. */
  readonly retries?: number | undefined;
  /** For live sessions, where there is no global one: that of the package `ws`. */
  readonly webSocket?: WebSocketConstructor | undefined;
}

/** A ticket stands in for the key for a minute where no header can be sent: `?ticket=` of a link, an `EventSource` or a WebSocket. */
export interface Ticket {
  readonly ticket: string;
  readonly expires_at: string;
}

/**
 * A client of a Murmuration server, for browsers and Node.js.
 * Fields and answers have the names of the HTTP API, with lengths in seconds; what is the library's own is in camel case.
 */
export class Murmuration {
  readonly jobs: Jobs;
  readonly keys: Keys;
  readonly #requester: Requester;
  readonly #live: LiveParts;

  constructor(options: MurmurationOptions) {
    const baseUrl = String(options.baseUrl).replace(/\/+$/, '');
    const apiKey = options.apiKey ?? null;
    this.#requester = new Requester({
      baseUrl,
      apiKey,
      // A browser's own fetch refuses to be called as a method of something else.
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      retries: options.retries ?? RETRIES,
      backoff: { ...BACKOFF, random: Math.random },
    });
    this.jobs = new Jobs(this.#requester, SILENCE_MS);
    this.keys = new Keys(this.#requester);
    this.#live = { requester: this.#requester, baseUrl, apiKey, webSocket: options.webSocket };
  }

  /** A recording in, its transcript out; with `response_format` as plain text. Throws `MurmurationError`, or the reason of the signal. */
  transcribe(
    input: AudioInput,
    options?: TranscribeOptions & { readonly response_format?: 'json' },
  ): Promise<Transcript>;
  transcribe(
    input: AudioInput,
    options: TranscribeOptions & SubtitleLayout & { readonly response_format: 'text' | 'srt' | 'vtt' },
  ): Promise<string>;
  transcribe(
    input: AudioInput,
    options: TranscribeOptions & SubtitleLayout & { readonly response_format?: 'json' | 'text' | 'srt' | 'vtt' } = {},
  ): Promise<Transcript | string> {
    const { response_format } = options;
    if (response_format !== undefined && response_format !== 'json')
      return transcribeAs(this.#requester, input, response_format, options);
    return transcribe(this.#requester, input, options, SILENCE_MS);
  }

  /** Segments as soon as each and all before it are final, then the whole transcript. Leaving the loop cancels the work. */
  transcribeStream(input: AudioInput, options: TranscribeOptions = {}): AsyncGenerator<TranscribePart, void> {
    return transcribeStream(this.#requester, input, options, SILENCE_MS);
  }

  /** A live session: give it audio with `send`, read its events in a loop. It keeps itself connected. Throws a `TypeError` where there is no WebSocket. */
  live(options: LiveOptions = {}): LiveSession {
    return startLive(this.#live, options);
  }

  /** A live session as its viewers see it, from its start up to `closed`; connections that break are made again without loss or repeat. */
  watch(sessionId: string, options: WatchOptions = {}): AsyncGenerator<WatchedEvent, void> {
    return watchLive(this.#requester, sessionId, options, SILENCE_MS);
  }

  /** What the server may be asked for. */
  capabilities(options: { readonly signal?: AbortSignal } = {}): Promise<Capabilities> {
    return this.#ask<Capabilities>('/capabilities', options.signal);
  }

  /** Recordings and live sessions in progress, as far as they belong to the key; to an administrator all. */
  async sessions(options: { readonly signal?: AbortSignal } = {}): Promise<readonly ActiveSession[]> {
    return (await this.#ask<{ readonly sessions: readonly ActiveSession[] }>('/sessions', options.signal)).sessions;
  }

  /** Figures of the cluster at this moment; the key needs the scope `admin`. */
  cluster(options: { readonly signal?: AbortSignal } = {}): Promise<ClusterFigures> {
    return this.#ask<ClusterFigures>('/v1/cluster', options.signal);
  }

  /** What the name of the key has used, and what it may; `not_found` where no keys are asked for. */
  usage(options: { readonly signal?: AbortSignal } = {}): Promise<OwnUsage> {
    return this.#ask<OwnUsage>('/v1/usage', options.signal);
  }

  #ask<T>(path: string, signal: AbortSignal | undefined): Promise<T> {
    return this.#requester.json<T>({ method: 'GET', path, signal, retry: 'always', limitMs: SHORT_MS });
  }

  /** A ticket for the key. */
  ticket(options: { readonly signal?: AbortSignal } = {}): Promise<Ticket> {
    return this.#requester.json<Ticket>({
      method: 'POST',
      path: '/v1/tickets',
      signal: options.signal,
      retry: 'always',
      limitMs: SHORT_MS,
    });
  }
}
