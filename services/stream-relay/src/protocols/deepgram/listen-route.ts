import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Credentials } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import { queryOf } from '@murmuration/service';
import type { RelayContext } from '../../relay-context.js';
import { callerOf, credentialsOf, traceOf } from '../../sockets/websocket-server.js';
import type { LiveProtocol } from '../live-protocol.js';
import { TranslatedConnection } from '../translated-connection.js';
import { ListenTranslator } from './listen-translator.js';
import { listenQuery } from './listen-query.js';

/** `WS /v1/listen`, as Deepgram's clients know it. */
export const deepgram: LiveProtocol = { addRoutes: listenRoute };

function listenRoute(app: FastifyInstance, context: RelayContext): void {
  app.get(
    '/v1/listen',
    {
      websocket: true,
      config: { access: 'own' },
      errorHandler: (error, request, reply) => {
        void refuse(error, request, reply);
      },
      preValidation: async (request) => {
        request.principal = await callerOf(request, context, deepgramCredentials);
        // Refused before the handshake, so that clients do not take it for a fault and connect again.
        listenQuery(queryOf(request));
      },
    },
    (socket, request) => {
      const translator = new ListenTranslator(listenQuery(queryOf(request)), {
        requestId: request.id,
        created: new Date().toISOString(),
      });
      TranslatedConnection.serve(socket, translator, request.principal.owner, context, traceOf(request));
    },
  );
}

/** As everywhere, and the key behind the subprotocol `token` or `bearer`, as Deepgram's clients in browsers send it. */
function deepgramCredentials(request: FastifyRequest): Credentials {
  const shown = credentialsOf(request);
  const [kind, key] = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return shown.kind === 'none' && (kind === 'token' || kind === 'bearer') && key !== undefined && key !== ''
    ? { kind: 'key', key }
    : shown;
}

/** The refusal of a handshake in Deepgram's shape. */
function refuse(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = AsrError.from(thrown);
  if (error.kind.http === 500) request.log.error({ err: error.cause ?? error, code: error.code }, 'a request failed');
  return reply
    .code(error.kind.http)
    .header('dg-error', error.code)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send({ err_code: error.code, err_msg: error.message, request_id: request.id });
}
