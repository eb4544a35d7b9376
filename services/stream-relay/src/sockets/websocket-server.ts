import websocket, { type WebSocket } from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  credentialsInProtocols,
  credentialsInHeaders,
  requireScope,
  ticketInQuery,
  NO_CREDENTIALS,
  type Credentials,
  type Principal,
} from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import { createHttpServer, replyWithError, useAccess, useBrowserRules, queryOf } from '@murmuration/service';
import { traceparentOf } from '@murmuration/runtime';
import type { RelayContext } from '../relay-context.js';
import { CLOSE } from './message-socket.js';

/** Finds out who opens a socket, before the handshake, on a route with access `own`. Throws `shutting_down`, `unauthenticated`, `permission_denied`, and `invalid_request` for a key in the address. */
export async function callerOf(
  request: FastifyRequest,
  context: Pick<RelayContext, 'access' | 'stopping'>,
  credentials: (request: FastifyRequest) => Credentials,
): Promise<Principal> {
  // These clients cannot resume on another relay, so that no session is begun that would be cut off.
  if (context.stopping()) throw new AsrError('shutting_down');
  const principal = await context.access.authenticate(context.access.open ? NO_CREDENTIALS : credentials(request));
  requireScope(principal, ['transcribe']);
  return principal;
}

/** A key in a header or among the subprotocols, else a ticket in the address, which is used up. */
export function credentialsOf(request: FastifyRequest): Credentials {
  const ticket = ticketInQuery(queryOf(request));
  const inHeaders = credentialsInHeaders(request.headers);
  if (inHeaders.kind !== 'none') return inHeaders;
  const inProtocols = credentialsInProtocols(request.headers['sec-websocket-protocol']).credentials;
  return inProtocols.kind === 'none' && ticket !== null ? { kind: 'ticket', ticket, use: 'once' } : inProtocols;
}

/** W3C `traceparent` of the handshake, which the connection's sessions continue; null where there is none. */
export function traceOf(request: FastifyRequest): string | null {
  return traceparentOf(request.headers['traceparent']);
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Longest WebSocket message, bytes; default the server's. */
    maxMessageBytes?: number;
  }
}

/** A request must have arrived by then, body and all, milliseconds; sockets that were opened do not count. */
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * A server that speaks WebSocket and nothing else; nothing listens yet. Handshakes are refused before they are answered: foreign pages, callers without a key or scope
 * (each route says who may call it in `config.access`), and everybody once the relay stops.
 * @param notFound the sentence for unknown addresses @param maxMessageBytes longest message of a client where its route says nothing else
 */
export async function createWebSocketServer(
  context: Pick<RelayContext, 'access' | 'config' | 'logger' | 'stopping'>,
  notFound: string,
  maxMessageBytes: number,
): Promise<FastifyInstance> {
  const { access, config, logger } = context;
  const app = createHttpServer(logger, {
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 5_000 },
  });
  refuseBodies(app);
  app.setNotFoundHandler((request, reply) => replyWithError(request, reply, new AsrError('not_found', notFound)));
  await app.register(websocket, {
    options: {
      maxPayload: maxMessageBytes,
      // Speech does not get smaller, and a compressed message may be a bomb.
      perMessageDeflate: false,
      // A key among the offers is never sent back.
      handleProtocols: (offered: Set<string>) => credentialsInProtocols([...offered].join(',')).others[0] ?? false,
    },
    errorHandler: (error, socket) => {
      // A client that broke the rules of WebSockets has its close code on the way already.
      if ('code' in error && typeof error.code === 'string' && error.code.startsWith('WS_ERR_')) return;
      logger.error({ err: error }, 'a socket failed');
      socket.close(CLOSE.fault);
    },
    // The process closes sockets in its own order.
    preClose: (done) => {
      done();
    },
  });
  // After the plugin, whose hooks end the connection of a handshake that is refused.
  useBrowserRules(app, { origins: config.CORS_ORIGINS, hosts: config.ALLOWED_HOSTS, open: access.open });
  app.addHook('onRequest', (request, _reply, done) => {
    done(!request.is404 && context.stopping() ? new AsrError('shutting_down') : undefined);
  });
  useAccess(app, { access, credentials: credentialsOf });
  app.addHook('preHandler', (request, _reply, done) => {
    // The plugin has one limit for all routes; it is read in the same turn, when the handshake follows.
    app.websocketServer.options.maxPayload = request.routeOptions.config.maxMessageBytes ?? maxMessageBytes;
    done();
  });
  const heartbeat = new Heartbeat(app.websocketServer.clients, config.PING_INTERVAL_MS);
  app.websocketServer.on('connection', (socket) => {
    heartbeat.watch(socket);
  });
  app.addHook('onClose', (_app, done) => {
    heartbeat.close();
    done();
  });
  return app;
}

/** Handshakes have no bodies: the connection on which one is still coming ends with the answer. */
function refuseBodies(app: FastifyInstance): void {
  app.addContentTypeParser('*', (_request, _payload, done) => {
    done(null);
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (!request.raw.complete) void reply.header('connection', 'close');
    done();
  });
}

/** Pings every socket and cuts those that have shown no sign of life since the last ping: a dead peer is gone within two intervals. */
class Heartbeat {
  readonly #sockets: ReadonlySet<WebSocket>;
  readonly #timer: NodeJS.Timeout;
  readonly #pinged = new WeakSet<WebSocket>();

  constructor(sockets: ReadonlySet<WebSocket>, intervalMs: number) {
    this.#sockets = sockets;
    this.#timer = setInterval(() => {
      this.#beat();
    }, intervalMs);
    this.#timer.unref();
  }

  /** Call it once for each socket. */
  watch(socket: WebSocket): void {
    const alive = (): void => {
      this.#pinged.delete(socket);
    };
    socket.on('pong', alive).on('ping', alive).on('message', alive);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    for (const socket of this.#sockets) {
      // The answer of a socket that is not read cannot be seen.
      if (socket.isPaused || socket.readyState !== socket.OPEN) continue;
      if (this.#pinged.has(socket)) {
        socket.terminate();
        continue;
      }
      this.#pinged.add(socket);
      socket.ping();
    }
  }
}
