import { request as httpRequest, STATUS_CODES, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { AsrError } from '@murmuration/contracts';
import { errorBody } from '@murmuration/service';

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
export function openTunnel(request: IncomingMessage, socket: Duplex, head: Buffer, relay: URL): void {
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

/** Passes on what either side sends, until one of them ends. */
function join(client: Duplex, relay: Duplex): void {
  for (const [from, to] of [
    [client, relay],
    [relay, client],
  ] as const) {
    from.pipe(to);
    from
      .on('error', () => {
        to.destroy();
      })
      .on('close', () => {
        to.destroy();
      });
  }
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
export function refuseSocket(socket: Duplex, error: AsrError): void {
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
