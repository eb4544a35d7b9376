import type { FastifyInstance } from 'fastify';
import type { Live } from '@murmuration/transcribe';
import { PROTOCOLS } from './protocols/registry.js';
import type { RelayContext } from './relay-context.js';
import { createWebSocketServer } from './sockets/websocket-server.js';
import type { GrpcEndpoint } from './grpc/start-grpc.js';
import type { ProtocolPort } from './protocols/live-protocol.js';

/** Longest message of a client where a route says nothing else: a good half minute of 16-bit audio at 16 kHz. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Builds the WebSocket server with every protocol that has a path of its own; nothing listens yet. */
export async function createApp(context: RelayContext): Promise<FastifyInstance> {
  const app = await createWebSocketServer(context, 'Nothing is at this address.', MAX_MESSAGE_BYTES);
  for (const { addRoutes } of PROTOCOLS) addRoutes?.(app, context);
  return app;
}

/** Remaining sessions are counted this often. */
const LOOK_MS = 50;
/** Clients that are given up have this long to be told. */
const TELL_MS = 1_000;

interface Endpoints {
  readonly app: FastifyInstance;
  readonly grpc: GrpcEndpoint | null;
  readonly ports: readonly ProtocolPort[];
  readonly live: Pick<Live, 'owned' | 'refuse'>;
  readonly draining: AbortController;
  readonly abandoned: AbortController;
}

/**
 * Closes the endpoints of a relay that stops. Clients of the native protocol are sent elsewhere at once, with their sessions handed over; clients
 * that cannot resume go on, at most until shortly before `limitMs`; then they are told that they are given up, and what is left is cut.
 */
export async function drain(endpoints: Endpoints, limitMs: number): Promise<void> {
  const { app, grpc, ports, live, draining, abandoned } = endpoints;
  const endMs = performance.now() + limitMs;
  live.refuse();
  draining.abort();
  const calls = grpc?.close(limitMs);
  const busy = (): boolean => app.websocketServer.clients.size > 0 || (ports.length > 0 && live.owned > 0);
  while (busy() && performance.now() < endMs - TELL_MS) await later(LOOK_MS);
  abandoned.abort();
  const cutMs = performance.now() + TELL_MS;
  while (busy() && performance.now() < cutMs) await later(LOOK_MS);
  for (const socket of app.websocketServer.clients) socket.terminate();
  await Promise.all(ports.map((port) => port.close()));
  app.server.closeAllConnections();
  await app.close();
  await calls;
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
