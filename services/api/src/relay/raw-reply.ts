import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AsrError } from '@murmuration/contracts';
import { errorBody } from '@murmuration/service';

/** First line and headers of an answer as they go over the wire. */
export function rawHead(status: number, reason: string, rawHeaders: readonly string[]): string {
  let head = `HTTP/1.1 ${String(status)} ${reason}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) head += `${rawHeaders[i] ?? ''}: ${rawHeaders[i + 1] ?? ''}\r\n`;
  return `${head}\r\n`;
}

/** Answers a handshake with an error in OpenAI's shape and ends the connection. */
export function refuseSocket(socket: Duplex, error: AsrError): void {
  if (socket.destroyed || !socket.writable) { socket.destroy(); return; }
  const body = JSON.stringify(errorBody(error));
  const retry = error.retryAfterSeconds === null ? [] : ['retry-after', String(Math.ceil(error.retryAfterSeconds))];
  const { http } = error.kind;
  socket.end(rawHead(http, STATUS_CODES[http] ?? '', ['content-type', 'application/json; charset=utf-8', 'content-length', String(Buffer.byteLength(body)), 'connection', 'close', ...retry]) + body);
}
