import type { FastifyInstance } from 'fastify';

/** A request must have arrived by then, body and all, milliseconds; sockets that were opened do not count. */
export const REQUEST_TIMEOUT_MS = 30_000;

/** Lets no request's body be read: only WebSockets are served, whose handshakes have none. A connection on which one is still coming ends with the answer. */
export function withoutBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => { done(null); });
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (!request.raw.complete) void reply.header('connection', 'close');
    done();
  });
}
