import type { FastifyInstance } from 'fastify';
import { AsrError } from '@murmuration/contracts';
import { traceOf } from '../../sockets/websocket-server.js';
import type { RelayContext } from '../../relay-context.js';
import type { LiveProtocol } from '../live-protocol.js';
import { LiveConnection } from './live-connection.js';
import { showSession } from './viewer.js';

/** A viewer has nothing to say. */
const VIEWER_BYTES = 1024;
const EVENT_ID = /^\d{1,16}(-\d{1,16})?$/;

/** The native protocol at `/ws/transcribe` and at `/` (the original service's port), and viewers of a session. */
export const native: LiveProtocol = { addRoutes: nativeRoutes };

function nativeRoutes(app: FastifyInstance, context: RelayContext): void {
  for (const path of ['/', '/ws/transcribe']) {
    app.get(path, { websocket: true, config: { access: ['transcribe'] } }, (socket, request) => {
      new LiveConnection(socket, request.principal, context, traceOf(request));
    });
  }
  app.get<{ Params: { id: string }; Querystring: { last_event_id?: unknown } }>(
    '/v1/sessions/:id/watch',
    {
      websocket: true,
      config: { access: ['read'], maxMessageBytes: VIEWER_BYTES },
      preValidation: (request, _reply, done) => {
        const given = request.query.last_event_id;
        if (given === undefined || (typeof given === 'string' && EVENT_ID.test(given))) done();
        else done(new AsrError('invalid_field', 'last_event_id: not an id of an event.', { param: 'last_event_id' }));
      },
    },
    (socket, request) => {
      const afterId = request.query.last_event_id as string | undefined;
      void showSession(socket, request.params.id, request.principal, afterId ?? null, context);
    },
  );
}
