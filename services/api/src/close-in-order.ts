import type { FastifyInstance } from 'fastify';

/** Connections that fell idle while the server closes are looked for this often. */
const LOOK_MS = 100;
/** Requests that are given up get this long to be told. */
const TELL_MS = 1_000;

/**
 * Takes no new connection, lets the requests in hand finish, and ends.
 * After `drainMs` they are given up (`giveUp` is called, they answer `shutting_down`), and soon after all connections are cut.
 */
export async function closeInOrder(app: FastifyInstance, drainMs: number, giveUp: () => void): Promise<void> {
  const look = setInterval(() => { app.server.closeIdleConnections(); }, LOOK_MS);
  const timers = [
    setTimeout(giveUp, Math.max(0, drainMs - TELL_MS)),
    setTimeout(() => { app.server.closeAllConnections(); }, drainMs),
  ];
  try {
    await app.close();
  } finally {
    clearInterval(look);
    for (const timer of timers) clearTimeout(timer);
  }
}
