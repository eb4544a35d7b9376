import { randomUUID } from 'node:crypto';
import websocket from '@fastify/websocket';
import { LogController, fastify, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { credentialsInProtocols } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import { registerDialects } from './protocols/index.js';
import { CLOSE } from './sockets/close-code.js';
import { replyWithError } from './sockets/error-reply.js';
import { Heartbeat } from './sockets/heartbeat.js';
import { letIn } from './sockets/use-access.js';
import { REQUEST_TIMEOUT_MS, withoutBodies } from './sockets/without-bodies.js';
import { ownRoutes } from './protocols/native/native-routes.js';
import type { RelayContext } from './relay-context.js';

/** Longest message of a client where a route says nothing else: a good half minute of 16-bit audio at 16 kHz. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Builds the WebSocket door; nothing listens yet. */
export async function createApp(parts: RelayContext): Promise<FastifyInstance> {
  const logger: FastifyBaseLogger = parts.logger;
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: 16 * 1024, connectionsCheckingInterval: 5_000 },
    frameworkErrors: (error, request, reply) => { replyWithError(request, reply, error); },
    routerOptions: { maxParamLength: 512 },
  });
  withoutBodies(app);
  app.setErrorHandler((error, request, reply) => replyWithError(request, reply, error));
  app.setNotFoundHandler((request, reply) => replyWithError(request, reply, new AsrError('not_found', 'Nothing is at this address.')));
  await app.register(websocket, {
    options: {
      maxPayload: MAX_MESSAGE_BYTES,
      // Speech does not get smaller, and a compressed message may be a bomb.
      perMessageDeflate: false,
      // A key among the offers is never sent back.
      handleProtocols: (offered: Set<string>) => credentialsInProtocols([...offered].join(',')).others[0] ?? false,
    },
    errorHandler: (error, socket) => {
      // What a client did against the rules of WebSockets has its close code on the way already.
      if ('code' in error && typeof error.code === 'string' && error.code.startsWith('WS_ERR_')) return;
      parts.logger.error({ err: error }, 'a socket failed');
      socket.close(CLOSE.fault);
    },
    // The process closes sockets in its own order.
    preClose: (done) => { done(); },
  });
  // After the plugin, which ends the connection of a handshake that is refused.
  letIn(app, parts);
  app.addHook('preHandler', (request, _reply, done) => {
    // The server of sockets has one limit for all; it is read in the same turn, when the handshake follows.
    app.websocketServer.options.maxPayload = request.routeOptions.config.maxMessageBytes ?? MAX_MESSAGE_BYTES;
    done();
  });
  ownRoutes(app, parts);
  registerDialects(app, parts);
  const heartbeat = new Heartbeat(app.websocketServer.clients, parts.config.PING_INTERVAL_MS);
  app.websocketServer.on('connection', (socket) => { heartbeat.watch(socket); });
  app.addHook('onClose', (_app, done) => { heartbeat.close(); done(); });
  return app;
}
