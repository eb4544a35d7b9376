import { createServer, type AddressInfo } from 'node:net';
import type { RelayContext } from '../../relay-context.js';
import { TcpSocket } from '../../sockets/tcp-socket.js';
import type { LiveProtocol, ProtocolPort } from '../live-protocol.js';
import { TranslatedConnection } from '../translated-connection.js';
import { WyomingTranslator } from './wyoming-translator.js';

/** Connections at once, for each session that a relay may have: clients keep some open between two requests. */
const CONNECTIONS_A_SESSION = 2;

/** Serves Wyoming at `WYOMING_HOST`; its callers show no key, and their sessions belong to nobody. Throws when the port is in use. */
async function openWyomingPort(context: RelayContext, port: number): Promise<ProtocolPort> {
  const { config } = context;
  const sockets = new Set<TcpSocket>();
  const server = createServer({ keepAlive: true, keepAliveInitialDelay: config.PING_INTERVAL_MS }, (tcp) => {
    const socket = new TcpSocket(tcp);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const translator = new WyomingTranslator(config.START_TIMEOUT_MS, config.SESSION_IDLE_TIMEOUT_MS);
    TranslatedConnection.serve(socket, translator, null, context);
  });
  server.maxConnections = config.MAX_SESSIONS * CONNECTIONS_A_SESSION;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: config.WYOMING_HOST, port }, resolve);
  });
  // Who comes while the relay stops is refused by the system, and tries another.
  const refuse = (): void => {
    server.close();
  };
  context.draining.addEventListener('abort', refuse, { once: true });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      context.draining.removeEventListener('abort', refuse);
      server.close();
      for (const socket of sockets) socket.terminate();
      return Promise.resolve();
    },
  };
}

/** Wyoming, the protocol of Home Assistant's speech services, whose port is 10300 by custom. */
export const wyoming: LiveProtocol = {
  ownPort: { variable: 'WYOMING_PORT', transport: 'tcp', open: openWyomingPort },
};
