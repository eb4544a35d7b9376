import { setMaxListeners } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { Access, KeyFile, type TicketStore } from '@murmuration/access';
import { AsrError, type ServerMessage } from '@murmuration/contracts';
import { Metrics, NO_TRACING, createLogger } from '@murmuration/runtime';
import { WebSocket, type ClientOptions } from 'ws';
import { createApp } from '../app.js';
import { readConfig } from '../config.js';
import type { RelayContext } from '../relay-context.js';
import { MemoryLive } from './memory-live.js';

export interface TestRelay {
  readonly app: FastifyInstance;
  readonly live: MemoryLive;
  readonly access: Access;
  readonly relayContext: RelayContext;
  connect(path?: string, options?: Parameters<typeof TestClient.connect>[1]): Promise<TestClient>;
  /** A client whose session is ready. */
  start(message?: object): Promise<TestClient>;
  drain(): void;
}

/** The WebSocket server over an in-memory live service, closed when the test ends. */
export async function testRelay(
  t: TestContext,
  environment: Readonly<Record<string, string>> = {},
): Promise<TestRelay> {
  const config = readConfig({ LOG_LEVEL: 'silent', ...environment });
  const logger = createLogger({ service: 'relay', level: 'silent' });
  const keys = config.API_KEYS_FILE === undefined ? null : await KeyFile.open({ path: config.API_KEYS_FILE, logger });
  const [draining, abandoned] = [new AbortController(), new AbortController()];
  for (const { signal } of [draining, abandoned]) setMaxListeners(0, signal);
  const live = new MemoryLive();
  const refuse = (): Promise<never> => Promise.reject(new AsrError('no_worker'));
  const access = new Access(keys, new MemoryTickets());
  const relayContext: RelayContext = {
    live,
    config,
    logger,
    transcribe: { resolveModel: refuse, start: refuse, status: refuse, activeJobs: refuse },
    access,
    metrics: new Metrics(),
    tracing: NO_TRACING,
    stopping: () => draining.signal.aborted,
    draining: draining.signal,
    abandoned: abandoned.signal,
  };
  const app = await createApp(relayContext);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `ws://127.0.0.1:${String((app.server.address() as AddressInfo).port)}`;
  t.after(async () => {
    abandoned.abort();
    keys?.close();
    for (const socket of app.websocketServer.clients) socket.terminate();
    app.server.closeAllConnections();
    await app.close();
  });
  const connect: TestRelay['connect'] = (path = '/ws/transcribe', options = {}) =>
    TestClient.connect(`${url}${path}`, options);
  return {
    app,
    live,
    access,
    relayContext,
    connect,
    start: async (message = {}) => {
      const client = await connect();
      client.say({ type: 'start', ...message });
      await client.first('ready');
      return client;
    },
    drain: () => {
      draining.abort();
    },
  };
}

/** Tickets in memory; they never expire. */
class MemoryTickets implements TicketStore {
  readonly #tickets = new Map<string, string>();

  put(ticketHash: string, keyId: string): Promise<void> {
    this.#tickets.set(ticketHash, keyId);
    return Promise.resolve();
  }

  read(ticketHash: string): Promise<string | null> {
    return Promise.resolve(this.#tickets.get(ticketHash) ?? null);
  }

  take(ticketHash: string): Promise<string | null> {
    const keyId = this.read(ticketHash);
    this.#tickets.delete(ticketHash);
    return keyId;
  }
}

/** A client of the own protocol, for tests. */
export class TestClient {
  readonly socket: WebSocket;
  /** Everything that came. */
  readonly messages: ServerMessage[] = [];
  /** Close code and reason. */
  readonly closed: Promise<readonly [number, string]>;
  #changed: (() => void)[] = [];
  #isClosed = false;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      this.messages.push(JSON.parse(data.toString('utf8')) as ServerMessage);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#isClosed = true;
        this.#wake();
        resolve([code, reason.toString()]);
      });
    });
    socket.on('error', () => undefined);
  }

  /** Throws `status N` when the handshake is refused. */
  static connect(
    url: string,
    options: ClientOptions & { readonly protocols?: readonly string[] } = {},
  ): Promise<TestClient> {
    const { protocols = [], ...rest } = options;
    const socket = new WebSocket(url, [...protocols], rest);
    const client = new TestClient(socket);
    return new Promise((resolve, reject) => {
      socket.once('open', () => {
        resolve(client);
      });
      socket.once('unexpected-response', (_request, response) => {
        reject(new Error(`status ${String(response.statusCode)}`));
        socket.terminate();
      });
      socket.once('error', reject);
    });
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  audio(bytes: number): void {
    this.socket.send(Buffer.alloc(bytes));
  }

  /** The first message of this type; waits for it. Throws when the socket closes before. */
  async first<T extends ServerMessage['type']>(type: T): Promise<Extract<ServerMessage, { type: T }>> {
    await this.until(() => this.messages.some((message) => message.type === type));
    return (
      this.messages.find((message): message is Extract<ServerMessage, { type: T }> => message.type === type) ??
      fail(type)
    );
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#isClosed) throw new Error(`closed after ${JSON.stringify(this.messages)}`);
      await new Promise<void>((resolve) => {
        this.#changed.push(resolve);
      });
    }
  }

  #wake(): void {
    for (const wake of this.#changed.splice(0)) wake();
  }
}

function fail(type: string): never {
  throw new Error(`no ${type}`);
}
