import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import websocket from '@fastify/websocket';
import { LogController, fastify, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { credentialsInProtocols } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import { CLOSE } from '../sockets/close-code.js';
import { replyWithError } from '../sockets/error-reply.js';
import { Heartbeat } from '../sockets/heartbeat.js';
import { letIn } from '../sockets/use-access.js';
import { REQUEST_TIMEOUT_MS, withoutBodies } from '../sockets/without-bodies.js';
import type { RelayContext } from '../relay-context.js';
import { callerOf, credentialsOf } from './caller.js';
import type { Dialect } from './translator.js';
import { DialectConnection } from './translated-connection.js';
import { VoskDialect } from './vosk/vosk-translator.js';
import { WhisperLiveDialect } from './whisper-live/whisper-live-translator.js';

/** A dialect that has a port of its own. */
export interface DialectPort {
  /** The port it listens on: the one that was asked for, or a free one for 0. */
  readonly port: number;
  /** Closes the port and its sockets. */
  close(): Promise<void>;
}

/** A first message may hold recordings of voices; everything else is audio. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

/** WhisperLive's protocol, on every path of a port (its own is 9090). Throws when the port is in use. */
export async function startWhisperLive(parts: RelayContext, port: number): Promise<DialectPort> {
  return startPort(parts, port, () => new WhisperLiveDialect(parts.config.START_TIMEOUT_MS));
}

/** vosk-server's protocol, on every path of a port (its own is 2700). Throws when the port is in use. */
export async function startVosk(parts: RelayContext, port: number): Promise<DialectPort> {
  return startPort(parts, port, () => new VoskDialect(parts.config.START_TIMEOUT_MS, parts.config.IDLE_ENDPOINTING_MS));
}

async function startPort(parts: RelayContext, port: number, newDialect: () => Dialect): Promise<DialectPort> {
  const logger: FastifyBaseLogger = parts.logger;
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: 16 * 1024, connectionsCheckingInterval: 5_000 },
  });
  withoutBodies(app);
  app.setErrorHandler((error, request, reply) => replyWithError(request, reply, error));
  app.setNotFoundHandler((request, reply) => replyWithError(request, reply, new AsrError('not_found', 'Only WebSockets are served here.')));
  await app.register(websocket, {
    options: { maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false, handleProtocols: (offered: Set<string>) => credentialsInProtocols([...offered].join(',')).others[0] ?? false },
    errorHandler: (error, socket) => {
      // What a client did against the rules of WebSockets has its close code on the way already.
      if ('code' in error && typeof error.code === 'string' && error.code.startsWith('WS_ERR_')) return;
      logger.error({ err: error }, 'a socket failed');
      socket.close(CLOSE.fault);
    },
    preClose: (done) => { done(); },
  });
  // After the sockets' own hooks, which cut the connection of a handshake that is refused.
  letIn(app, parts);
  app.get('/*', {
    websocket: true,
    config: { access: 'own' },
    preValidation: async (request) => { request.principal = await callerOf(request, parts, credentialsOf); },
  }, (socket, request) => { DialectConnection.serve(socket, newDialect(), request.principal.owner, parts); });
  const heartbeat = new Heartbeat(app.websocketServer.clients, parts.config.PING_INTERVAL_MS);
  app.websocketServer.on('connection', (socket) => { heartbeat.watch(socket); });
  await app.listen({ host: parts.config.RELAY_HOST, port, listenTextResolver: () => 'listening' });
  return {
    port: (app.server.address() as AddressInfo).port,
    close: async () => {
      heartbeat.close();
      for (const socket of app.websocketServer.clients) socket.terminate();
      app.server.closeAllConnections();
      await app.close();
    },
  };
}
