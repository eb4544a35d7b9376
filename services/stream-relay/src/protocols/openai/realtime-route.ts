import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { credentialsInHeaders, credentialsInProtocols, openClientSecret, type Credentials } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import { queryOf } from '@murmuration/service';
import type { RelayContext } from '../../relay-context.js';
import { callerOf, credentialsOf, traceOf } from '../../sockets/websocket-server.js';
import type { LiveProtocol } from '../live-protocol.js';
import { TranslatedConnection } from '../translated-connection.js';
import { MAX_EVENT_BYTES, readSession, type SessionInput } from './client-event.js';
import { RealtimeTranslator } from './realtime-translator.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The session that a client secret was made for, or null. */
    realtimeInput: SessionInput | null;
  }
}

/** `WS /v1/realtime?intent=transcription`, as OpenAI's clients know it. */
export const openai: LiveProtocol = { addRoutes: realtimeRoute };

function realtimeRoute(app: FastifyInstance, context: RelayContext): void {
  app.decorateRequest('realtimeInput', null);
  app.get(
    '/v1/realtime',
    {
      websocket: true,
      config: { access: 'own', maxMessageBytes: MAX_EVENT_BYTES },
      preValidation: async (request) => {
        request.principal = await callerOf(request, context, realtimeCredentials);
        request.realtimeInput = attachedSession(request);
        const intent = queryOf(request).get('intent');
        if (intent === 'transcription' || (intent === null && request.realtimeInput !== null)) return;
        throw new AsrError(
          'invalid_request',
          'Only transcription is served here. Add intent=transcription to the address.',
          { param: 'intent' },
        );
      },
    },
    (socket, request) => {
      const translator = new RealtimeTranslator({
        newId: (kind) => `${kind}_${randomBytes(12).toString('hex')}`,
        model: queryOf(request).get('model'),
        input: request.realtimeInput,
        legacy: isLegacy(request),
        quietLimitMs: context.config.SESSION_IDLE_TIMEOUT_MS,
      });
      TranslatedConnection.serve(socket, translator, request.principal.owner, context, traceOf(request));
    },
  );
}

/** As everywhere, and a client secret wherever a key may be. */
function realtimeCredentials(request: FastifyRequest): Credentials {
  const shown = credentialsOf(request);
  const opened = shown.kind === 'key' ? openClientSecret(shown.key) : null;
  return opened === null ? shown : { kind: 'client_secret', secret: opened.secret };
}

/** What was attached to the client secret is as trustworthy as what its holder says later. */
function attachedSession(request: FastifyRequest): SessionInput | null {
  const inHeaders = credentialsInHeaders(request.headers);
  const shown =
    inHeaders.kind === 'none'
      ? credentialsInProtocols(request.headers['sec-websocket-protocol']).credentials
      : inHeaders;
  const opened = shown.kind === 'key' ? openClientSecret(shown.key) : null;
  if (opened === null) return null;
  if (opened.attached === '') return {};
  let session: unknown;
  try {
    session = JSON.parse(opened.attached);
  } catch {
    throw new AsrError('invalid_request', 'The client secret is damaged.');
  }
  return readSession(session);
}

/** Clients from before the API was finished say so in a header, or among the subprotocols. */
function isLegacy(request: FastifyRequest): boolean {
  const header = request.headers['openai-beta'];
  return (
    String(header ?? '').includes('realtime=v1') ||
    (request.headers['sec-websocket-protocol'] ?? '').includes('openai-beta.realtime-v1')
  );
}
