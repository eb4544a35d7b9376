import type { FastifyInstance } from 'fastify';
import type { Live } from '@murmuration/intake';
import type { DialectPort } from './protocols/index.js';
import type { GrpcEndpoint } from './grpc/index.js';

/** Sessions that go on are looked for this often. */
const LOOK_MS = 50;
/** Those that are given up get this long to be told. */
const TELL_MS = 1_000;

export interface Doors {
  readonly app: FastifyInstance;
  readonly grpc: GrpcEndpoint | null;
  readonly dialects: readonly DialectPort[];
  readonly live: Pick<Live, 'owned' | 'refuse'>;
  readonly draining: AbortController;
  readonly abandoned: AbortController;
}

/**
 * Closes the doors of a relay that stops. Clients of the own protocol are sent elsewhere at once, with their sessions handed over; those
 * that cannot resume go on, at most until shortly before `limitMs`; then they are given up and told so, and what is left is cut.
 */
export async function drain(doors: Doors, limitMs: number): Promise<void> {
  const { app, grpc, dialects, live, draining, abandoned } = doors;
  const endMs = performance.now() + limitMs;
  live.refuse();
  draining.abort();
  const calls = grpc?.close(limitMs);
  const busy = (): boolean => app.websocketServer.clients.size > 0 || (dialects.length > 0 && live.owned > 0);
  while (busy() && performance.now() < endMs - TELL_MS) await later(LOOK_MS);
  abandoned.abort();
  const cutMs = performance.now() + TELL_MS;
  while (busy() && performance.now() < cutMs) await later(LOOK_MS);
  for (const socket of app.websocketServer.clients) socket.terminate();
  await Promise.all(dialects.map((door) => door.close()));
  app.server.closeAllConnections();
  await app.close();
  await calls;
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
