import { createServer, type AddressInfo, type Socket } from 'node:net';
import { EventEmitter } from 'node:events';
import type { RelayContext } from '../../relay-context.js';
import type { LiveProtocol, ProtocolPort } from '../live-protocol.js';
import { TranslatedConnection } from '../translated-connection.js';
import { WyomingTranslator } from './wyoming-translator.js';
import type { MessageSocket } from '../../sockets/message-socket.js';

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

const OPEN = 1;
const CLOSED = 3;
/** A peer that does not close its end is cut after this long, milliseconds. */
const LINGER_MS = 5_000;

/**
 * A TCP connection with the face of a WebSocket: what arrives is a binary message, cut anywhere.
 * open --`close`--> closing (what was sent goes out, nothing is said) --the peer closes, or 5 s--> closed
 * open --the peer closes, breaks off, or `terminate`--> closed
 */
class TcpSocket extends EventEmitter implements MessageSocket {
  readonly OPEN = OPEN;
  readonly #tcp: Socket;
  readyState = OPEN;

  constructor(tcp: Socket) {
    super();
    this.#tcp = tcp;
    tcp.setNoDelay(true);
    tcp.on('data', (bytes: Buffer) => this.emit('message', bytes, true));
    // `close` follows.
    tcp.on('error', () => undefined);
    tcp.once('close', () => {
      this.readyState = CLOSED;
      this.emit('close');
    });
  }

  get bufferedAmount(): number {
    return this.#tcp.writableLength;
  }

  get isPaused(): boolean {
    return this.#tcp.isPaused();
  }

  pause(): void {
    this.#tcp.pause();
  }

  resume(): void {
    this.#tcp.resume();
  }

  send(text: string): void {
    if (this.readyState === OPEN) this.#tcp.write(text);
  }

  ping(_data?: undefined, _mask?: undefined, taken?: (error?: Error) => void): void {
    if (this.readyState === OPEN) this.#tcp.write('', (error) => taken?.(error ?? undefined));
    else taken?.(new Error('the connection is closed'));
  }

  close(): void {
    if (this.readyState !== OPEN) return;
    this.readyState = CLOSED;
    this.#tcp.end();
    const cut = setTimeout(() => {
      this.#tcp.destroy();
    }, LINGER_MS);
    this.#tcp.once('close', () => {
      clearTimeout(cut);
    });
  }

  terminate(): void {
    this.#tcp.destroy();
  }
}
