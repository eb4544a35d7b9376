import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { RelayConfig } from '../config.js';
import type { RelayContext } from '../relay-context.js';
import { callerOf, credentialsOf, traceOf, createWebSocketServer } from '../sockets/websocket-server.js';
import { TranslatedConnection } from './translated-connection.js';
import type { Translator } from './translator.js';

/** A protocol of live speech: with paths of its own on the WebSocket port, or with a port of its own. */
export interface LiveProtocol {
  /** Adds its routes to the relay's WebSocket port. */
  readonly addRoutes?: (app: FastifyInstance, context: RelayContext) => void;
  readonly ownPort?: {
    /** The variable that opens the port; unset: closed. */
    readonly variable: 'WHISPERLIVE_PORT' | 'VOSK_PORT' | 'WYOMING_PORT';
    /** WebSockets are served only where they are enabled. */
    readonly transport: 'websocket' | 'tcp';
    /** Listens; a port of 0 takes a free one. Throws when the port is in use. */
    readonly open: (context: RelayContext, port: number) => Promise<ProtocolPort>;
  };
}

/** An open port of a protocol. */
export interface ProtocolPort {
  /** The port it listens on: the one that was asked for, or a free one for 0. */
  readonly port: number;
  /** Closes the port and its sockets. */
  close(): Promise<void>;
}

/** A first message may hold recordings of voices; everything else is audio. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

/** Serves a protocol over WebSocket on every path of a port; `newTranslator` makes the translator of one connection. */
export function webSocketPort(
  newTranslator: (config: RelayConfig) => Translator,
): (context: RelayContext, port: number) => Promise<ProtocolPort> {
  return (context, port) => open(context, port, newTranslator);
}

async function open(
  context: RelayContext,
  port: number,
  newTranslator: (config: RelayConfig) => Translator,
): Promise<ProtocolPort> {
  const app = await createWebSocketServer(context, 'Only WebSockets are served here.', MAX_MESSAGE_BYTES);
  app.get(
    '/*',
    {
      websocket: true,
      config: { access: 'own' },
      preValidation: async (request) => {
        request.principal = await callerOf(request, context, credentialsOf);
      },
    },
    (socket, request) => {
      TranslatedConnection.serve(
        socket,
        newTranslator(context.config),
        request.principal.owner,
        context,
        traceOf(request),
      );
    },
  );
  await app.listen({ host: context.config.RELAY_HOST, port, listenTextResolver: () => 'listening' });
  return {
    port: (app.server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of app.websocketServer.clients) socket.terminate();
      app.server.closeAllConnections();
      await app.close();
    },
  };
}
