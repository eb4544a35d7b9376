import { IncomingMessage, request as httpRequest, type Server, STATUS_CODES } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { AsrError } from '@murmuration/contracts';
import { errorBody } from '@murmuration/service';

/** Paths of WebSockets; the relay serves the same. */
const LIVE_PATHS: readonly { readonly path: RegExp; readonly resumes: boolean }[] = [
  { path: /^\/ws\/transcribe$/, resumes: true },
  { path: /^\/v1\/sessions\/[^/]+\/watch$/, resumes: true },
  { path: /^\/v1\/realtime$/, resumes: false },
  { path: /^\/v1\/listen$/, resumes: false },
];

export interface ForwardParts {
  /** Address of the relay, or null. */
  readonly relayUrl: string | null;
  /** True once no new work is taken. */
  stopping(): boolean;
  /** Aborted once no new work is taken. */
  readonly leaving: AbortSignal;
  /** Aborted when what is left is given up. */
  readonly abandoned: AbortSignal;
}

/**
 * Forwards WebSockets on live paths to the relay. A handshake at any other address is answered as over HTTP; `not_found` where there is no relay, `backend_unavailable` when it does not answer.
 * Tunnels stay until one of their ends closes them; those whose clients can resume elsewhere until `leaving`, the others until `abandoned`.
 */
export function forwardToRelay(server: Server, parts: ForwardParts): void {
  const relay = parts.relayUrl === null ? null : new URL(parts.relayUrl);
  const open = new Map<Duplex, { readonly resumes: boolean }>();
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {
      socket.destroy();
    });
    const live = LIVE_PATHS.find(({ path }) => path.test(request.url?.split('?')[0] ?? ''));
    if (live === undefined) {
      refuseSocket(
        socket,
        new AsrError('not_found', 'No WebSocket is served at this address. Those that are stand in docs/live.md.'),
      );
    } else if (relay === null) {
      refuseSocket(
        socket,
        new AsrError(
          'not_found',
          'Live audio is not served on this port. Connect to the relay (port 8765), or ask the operator to set RELAY_URL.',
        ),
      );
    } else if (parts.stopping()) {
      refuseSocket(socket, new AsrError('shutting_down'));
    } else {
      open.set(socket, live);
      socket.once('close', () => {
        open.delete(socket);
      });
      openTunnel(request, socket, head, relay);
    }
  });
  parts.leaving.addEventListener('abort', () => {
    for (const [socket, { resumes }] of open) if (resumes) socket.destroy();
  });
  parts.abandoned.addEventListener('abort', () => {
    for (const socket of open.keys()) socket.destroy();
  });
}

/**
 * A request that counts as an upgrade only where it asks for a WebSocket. Java's client offers h2c with every request; a server that listens for upgrades would get
 * such requests without their bodies, and the connection would be out of its hands.
 */
export class AskedUpgrade extends IncomingMessage {
  // Node sets it before the headers are known, and reads it after.
  #offered = false;

  get upgrade(): boolean {
    return this.#offered && (this.method === 'CONNECT' || this.headers.upgrade?.toLowerCase() === 'websocket');
  }

  set upgrade(offered: boolean | null) {
    // The constructor of Node's class sets it too, before this field is there.
    if (#offered in this) this.#offered = offered === true;
  }
}

/** The relay must answer a handshake within this time. */
const ANSWER_MS = 15_000;
/** A handshake has no body, whatever it says. */
const NO_BODY: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'expect', 'trailer']);
/** The connection ends with a refusal. */
const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding']);

/**
 * Hands a WebSocket's handshake to a relay as it came, and afterwards the bytes of both sides as they come. So a refusal, the choice of a subprotocol and
 * close codes are the relay's own, keys are judged by it alone, and a side that reads slowly slows the other.
 * @param head what the client sent after its handshake
 * @param relay address of the relay
 */
function openTunnel(request: IncomingMessage, socket: Duplex, head: Buffer, relay: URL): void {
  const send = relay.protocol === 'https:' ? httpsRequest : httpRequest;
  const toRelay = send({
    host: relay.hostname.replace(/^\[|\]$/g, ''),
    port: relay.port === '' ? undefined : Number(relay.port),
    method: 'GET',
    path: request.url,
    // With the host that the client asked for: the relay compares it with a page's origin.
    headers: headersOf(request.rawHeaders, NO_BODY),
    setHost: false,
    agent: false,
    timeout: ANSWER_MS,
  });
  const giveUp = (): void => {
    toRelay.destroy();
  };
  socket.on('error', giveUp).on('close', giveUp);
  toRelay.on('upgrade', (answer, relaySocket, first) => {
    socket.off('error', giveUp).off('close', giveUp);
    relaySocket.setTimeout(0);
    socket.write(rawHead(answer.statusCode ?? 101, answer.statusMessage ?? '', answer.rawHeaders));
    if (first.length > 0) socket.write(first);
    if (head.length > 0) relaySocket.write(head);
    join(socket, relaySocket);
  });
  toRelay.on('response', (answer) => {
    socket.write(
      rawHead(answer.statusCode ?? 502, answer.statusMessage ?? '', [
        'connection',
        'close',
        ...headersOf(answer.rawHeaders, HOP_BY_HOP),
      ]),
    );
    answer.pipe(socket);
  });
  toRelay.on('timeout', giveUp);
  toRelay.on('error', () => {
    refuseSocket(
      socket,
      new AsrError('backend_unavailable', 'The relay for live audio does not answer. Try again soon.'),
    );
  });
  toRelay.end();
}

/** A side whose other side has gone has this long to take what it was sent. */
const LAST_WORDS_MS = 5_000;

/** Passes on what either side sends, until one of them ends. */
function join(client: Duplex, relay: Duplex): void {
  for (const [from, to] of [
    [client, relay],
    [relay, client],
  ] as const) {
    from.pipe(to);
    const letGo = (): void => {
      endGently(to);
    };
    from.on('error', letGo).on('close', letGo);
  }
}

/**
 * Ends a side when all that it was sent is written. What it still sends is read and dropped: a socket that is closed with bytes unread resets the
 * connection, and its other end may lose the close code that is under way.
 */
function endGently(socket: Duplex): void {
  if (socket.destroyed) return;
  socket.unpipe();
  socket.resume();
  socket.end();
  const timer = setTimeout(() => {
    socket.destroy();
  }, LAST_WORDS_MS);
  socket.once('close', () => {
    clearTimeout(timer);
  });
}

function headersOf(rawHeaders: readonly string[], without: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (!without.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

/** First line and headers of an answer as they go over the wire. */
function rawHead(status: number, reason: string, rawHeaders: readonly string[]): string {
  let head = `HTTP/1.1 ${String(status)} ${reason}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) head += `${rawHeaders[i] ?? ''}: ${rawHeaders[i + 1] ?? ''}\r\n`;
  return `${head}\r\n`;
}

/** Answers a handshake with an error in OpenAI's shape and ends the connection. */
function refuseSocket(socket: Duplex, error: AsrError): void {
  if (socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(errorBody(error));
  const retry = error.retryAfter === null ? [] : ['retry-after', error.retryAfter];
  const { http } = error.kind;
  socket.end(
    rawHead(http, STATUS_CODES[http] ?? '', [
      'content-type',
      'application/json; charset=utf-8',
      'content-length',
      String(Buffer.byteLength(body)),
      'connection',
      'close',
      ...retry,
    ]) + body,
  );
}
