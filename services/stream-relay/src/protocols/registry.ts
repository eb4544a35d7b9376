import type { FastifyInstance } from 'fastify';
import type { RelayContext } from '../relay-context.js';
import { listenRoute } from './deepgram/listen-route.js';
import { realtimeRoute } from './openai/realtime-route.js';

/** Adds the dialects that have paths of their own: OpenAI's `WS /v1/realtime` and Deepgram's `WS /v1/listen`. */
export function registerDialects(app: FastifyInstance, parts: RelayContext): void {
  realtimeRoute(app, parts);
  listenRoute(app, parts);
}
