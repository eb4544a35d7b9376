import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** While the server closes, idle connections are looked for this often. */
const LOOK_MS = 100;
/** Requests that are given up have this long to be answered. */
const TELL_MS = 1_000;

/** Connections over which no request has come yet. Clients open them ahead of need, and Node does not count them as idle. */
export function unusedConnections(server: Server): ReadonlySet<Socket> {
  const unused = new Set<Socket>();
  server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => {
      unused.delete(socket);
    });
  });
  server.on('request', (request: IncomingMessage) => {
    unused.delete(request.socket);
  });
  server.on('upgrade', (request: IncomingMessage) => {
    unused.delete(request.socket);
  });
  return unused;
}

/**
 * Takes no new connection, lets the requests in progress finish, and ends.
 * After `drainMs` they are given up (`giveUp` is called, they answer `shutting_down`), and soon after all connections are cut.
 */
export async function closeInOrder(
  app: FastifyInstance,
  unused: ReadonlySet<Socket>,
  drainMs: number,
  giveUp: () => void,
): Promise<void> {
  const look = setInterval(() => {
    app.server.closeIdleConnections();
    for (const socket of unused) socket.destroy();
  }, LOOK_MS);
  const timers = [
    setTimeout(giveUp, Math.max(0, drainMs - TELL_MS)),
    setTimeout(() => {
      app.server.closeAllConnections();
    }, drainMs),
  ];
  try {
    await app.close();
  } finally {
    clearInterval(look);
    for (const timer of timers) clearTimeout(timer);
  }
}
