import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** Headers that speak of the upgrade only. */
const UPGRADE_HEADERS: ReadonlySet<string> = new Set(['upgrade', 'http2-settings']);

/**
 * Lets a request that offers another protocol (Java's client offers h2c with every one) be answered as if it did not: a server that listens for upgrades
 * gets such requests without their bodies. What was read of it is put back, and the connection begins anew.
 */
export function withoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  let text = `${request.method ?? 'GET'} ${request.url ?? '/'} HTTP/${request.httpVersion}\r\n`;
  const { rawHeaders } = request;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (UPGRADE_HEADERS.has(name.toLowerCase())) continue;
    text += `${name}: ${name.toLowerCase() === 'connection' ? remaining(value) : value}\r\n`;
  }
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}

/** The header `connection` without what speaks of the upgrade. */
function remaining(connection: string): string {
  const kept = connection.split(',').map((part) => part.trim()).filter((part) => !['upgrade', 'http2-settings'].includes(part.toLowerCase()));
  return kept.length === 0 ? 'keep-alive' : kept.join(', ');
}
