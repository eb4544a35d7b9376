import type { FastifyInstance } from 'fastify';
import { PROTOCOLS } from './protocols/registry.js';
import type { RelayContext } from './relay-context.js';
import { createWebSocketServer } from './sockets/websocket-server.js';

/** Longest message of a client where a route says nothing else: a good half minute of 16-bit audio at 16 kHz. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Builds the WebSocket server with every protocol that has a path of its own; nothing listens yet. */
export async function createApp(context: RelayContext): Promise<FastifyInstance> {
  const app = await createWebSocketServer(context, 'Nothing is at this address.', MAX_MESSAGE_BYTES);
  for (const { addRoutes } of PROTOCOLS) addRoutes?.(app, context);
  return app;
}
