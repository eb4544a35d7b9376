import type { Requester } from '../http/requester.js';
import { SHORT_MS } from '../http/exchange.js';
import { MurmurationError } from '../murmuration-error.js';
import { LiveSession } from './live-session.js';
import {
  protocolsWith,
  socketUrl,
  type LiveEncoding,
  type LiveOptions,
  type LiveSettings,
  type WebSocketConstructor,
} from './live-types.js';

const SAMPLE_BYTES: Readonly<Record<LiveEncoding, number>> = { pcm_s16le: 2, pcm_f32le: 4, mulaw: 1, alaw: 1 };
const BUFFER_MS = 60_000;
const RECONNECT_FOR_MS = 120_000;
const SILENCE_MS = 20_000;

export interface LiveParts {
  readonly requester: Requester;
  readonly baseUrl: string;
  readonly apiKey: string | null;
  readonly webSocket: WebSocketConstructor | undefined;
  /** See `LiveLinkOptions`; default 20 s. */
  readonly silenceMs?: number;
}

/** Begins a session. Throws where there is no WebSocket at all. */
export function startLive(
  { requester, baseUrl, apiKey, webSocket, silenceMs = SILENCE_MS }: LiveParts,
  options: LiveOptions,
): LiveSession {
  const Socket = webSocket ?? (globalThis as { readonly WebSocket?: WebSocketConstructor }).WebSocket;
  if (Socket === undefined)
    throw new TypeError(
      'There is no WebSocket here: import Murmuration from @murmuration/client/node, or give one as webSocket.',
    );
  const { url, ticket, bufferMs = BUFFER_MS, reconnectForMs = RECONNECT_FOR_MS, signal, ...settings } = options;
  const sampleBytes = SAMPLE_BYTES[settings.encoding ?? 'pcm_s16le'] * (settings.channels ?? 1);
  const address = url === undefined ? socketUrl(baseUrl) : String(url);
  return new LiveSession({
    webSocket: Socket,
    backoff: requester.backoff,
    reconnectForMs,
    silenceMs,
    signal,
    sampleBytes,
    start: { type: 'start', ...given(settings) },
    bufferBytes: Math.max(sampleBytes, Math.ceil(((settings.sample_rate ?? 16_000) * bufferMs) / 1_000) * sampleBytes),
    protocols: protocolsWith(ticket === undefined ? apiKey : null),
    url: async () => (ticket === undefined ? address : withTicket(address, await ticket())),
    whyRefused: () => whyRefused(requester),
  });
}

function given(settings: LiveSettings): object {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function withTicket(address: string, ticket: string): string {
  const url = new URL(address);
  url.searchParams.set('ticket', ticket);
  return url.href;
}

/** A browser tells a page nothing about a refused handshake. The API says whether the key is at fault. */
async function whyRefused(requester: Requester): Promise<MurmurationError | null> {
  try {
    await requester.call({ method: 'GET', path: '/v1/models', retry: 'never', limitMs: SHORT_MS }, (response) =>
      response.arrayBuffer(),
    );
    return null;
  } catch (error) {
    return error instanceof MurmurationError && error.status === 401 ? error : null;
  }
}
