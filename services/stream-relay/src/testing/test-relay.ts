import { setMaxListeners } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { Access, KeyFile, type TicketStore } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import { Metrics, NO_TRACING, createLogger } from '@murmuration/runtime';
import { createApp } from '../app.js';
import { readConfig } from '../config.js';
import type { RelayContext } from '../relay-context.js';
import { MemoryLive } from './memory-live.js';
import { TestClient } from './test-client.js';

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
