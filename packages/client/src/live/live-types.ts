/** How audio is given to a live session. Samples of several channels alternate. */
export type LiveEncoding = 'pcm_s16le' | 'pcm_f32le' | 'mulaw' | 'alaw';

/** Settings of a live session by the names of the protocol; what is left out has the server's default. See `docs/client.md`. */
export interface LiveSettings {
  /** Default `pcm_s16le`. */
  readonly encoding?: LiveEncoding | undefined;
  /** Hertz; default 16000. */
  readonly sample_rate?: number | undefined;
  /** Default 1. */
  readonly channels?: number | undefined;
  readonly model?: string | undefined;
  readonly language?: string | undefined;
  /** Whether partials come; default true. */
  readonly interim_results?: boolean | undefined;
  /** Whether finals have words. */
  readonly word_timestamps?: boolean | undefined;
  /** Silence that ends an utterance. */
  readonly endpointing_ms?: number | undefined;
  /** Time without any audio after which an utterance in progress ends. */
  readonly idle_endpointing_ms?: number | undefined;
  /** A longer utterance is cut at its quietest place. */
  readonly max_utterance_ms?: number | undefined;
  readonly prompt?: string | undefined;
  readonly hotwords?: string | undefined;
}

export interface LiveOptions extends LiveSettings {
  /** Address of a relay's socket, where it is not `/ws/transcribe` of `baseUrl`. */
  readonly url?: string | URL | undefined;
  /** Gets a ticket for each connection; without it the key goes along as a subprotocol. For pages, which should not hold a key: ask a server of your own. */
  readonly ticket?: (() => Promise<string>) | undefined;
  /** Audio that may wait to be acknowledged, milliseconds; default 60,000. `send` waits while it is full. */
  readonly bufferMs?: number | undefined;
  /** How long a broken connection is tried again before it is given up, milliseconds; default 120,000. */
  readonly reconnectForMs?: number | undefined;
  /** Aborting it cancels the session; the events then end with its reason. */
  readonly signal?: AbortSignal | undefined;
}

interface Numbered {
  /** What a connection that breaks is resumed from; the library does it by itself. */
  readonly event_id: string;
}

interface Utterance {
  /** 0, 1, 2 … */
  readonly utterance: number;
  readonly start_ms: number;
  readonly end_ms: number;
  readonly text: string;
}

/** The session is there, with what it settled on. */
export interface LiveReady {
  readonly type: 'ready';
  readonly session: string;
  readonly token: string;
  readonly model: string;
  readonly encoding: string;
  readonly sample_rate: number;
  readonly channels: number;
  readonly language: string | null;
  readonly interim_results: boolean;
  readonly word_timestamps: boolean;
  readonly endpointing_ms: number;
  readonly idle_endpointing_ms: number;
  readonly max_utterance_ms: number;
}

export interface LiveSpeechStarted extends Numbered {
  readonly type: 'speech_started';
  readonly utterance: number;
  readonly at_ms: number;
}

/** What has been understood of an utterance that goes on. */
export interface LivePartial extends Numbered, Utterance {
  readonly type: 'partial';
  /** The beginning of `text` that no later partial of the utterance changes, UTF-16 code units. */
  readonly stable_chars: number;
}

export interface LiveFinal extends Numbered, Utterance {
  readonly type: 'final';
  /** 0 to 1. */
  readonly confidence: number;
  readonly words: readonly {
    readonly word: string;
    readonly start_ms: number;
    readonly end_ms: number;
    readonly probability: number;
    readonly approximate?: boolean;
  }[];
  /** Text that a filter took away. */
  readonly filtered: readonly {
    readonly start_ms: number;
    readonly end_ms: number;
    readonly text: string;
    readonly reason: string;
  }[];
  readonly language: string | null;
}

/** The session goes on. */
export interface LiveWarning {
  readonly type: 'warning';
  readonly event_id?: string;
  readonly code: string;
  readonly message: string;
}

/** Something of the session is lost; whether it goes on, `closed` tells. */
export interface LiveError {
  readonly type: 'error';
  readonly event_id?: string;
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly retryable: boolean;
}

/** The last event. */
export interface LiveClosed extends Numbered {
  readonly type: 'closed';
  readonly totals: {
    readonly audio_ms: number;
    readonly speech_ms: number;
    readonly utterances: number;
    readonly end: 'finished' | 'cancelled' | 'idle' | 'too_long' | 'abandoned' | 'failed';
  };
}

/** The library's own: the connection is away, and is made again. Audio waits meanwhile. */
export interface LiveReconnecting {
  readonly type: 'reconnecting';
  readonly reason: string;
}

/** The connection is there again; nothing was lost. */
export interface LiveResumed {
  readonly type: 'resumed';
  readonly session: string;
  readonly samples: number;
}

/** Times are milliseconds from the session's start. */
export type LiveEvent =
  | LiveReady
  | LiveReconnecting
  | LiveResumed
  | LiveSpeechStarted
  | LivePartial
  | LiveFinal
  | LiveWarning
  | LiveError
  | LiveClosed;

/** A message of the server; those that are no events are the library's business. */
export type LiveMessage =
  | Exclude<LiveEvent, LiveReconnecting>
  | { readonly type: 'ack'; readonly samples: number }
  | { readonly type: 'going_away'; readonly message: string };

/** What the library needs of a WebSocket: a browser's, Node 22's, or that of the package `ws`. */
export interface WebSocketLike {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

/** Named first among the subprotocols, so that the server has one to answer with: a key is never sent back. */
const PROTOCOL = 'murmuration.v1';

/** Subprotocols that a connection offers; the key among them, for pages can send no header. */
export function protocolsWith(apiKey: string | null): string[] {
  return apiKey === null ? [PROTOCOL] : [PROTOCOL, `murmuration.key.${apiKey}`];
}

/** Address of a socket under the address of the API. */
export function socketUrl(baseUrl: string): string {
  return `${baseUrl.replace(/^http/i, 'ws')}/ws/transcribe`;
}

/** The HTTP status in what `ws` says of a refused handshake; null where nothing is said, as in browsers. */
export function handshakeStatus(event: { readonly message?: unknown }): number | null {
  const status =
    typeof event.message === 'string' ? /Unexpected server response: (\d{3})/.exec(event.message)?.[1] : undefined;
  return status === undefined ? null : Number(status);
}
