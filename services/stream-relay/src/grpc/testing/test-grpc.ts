import { setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ChannelOptions } from '@grpc/grpc-js';
import { Access, KeyFile, createKey, type Scope, type TicketStore } from '@murmuration/access';
import { Metrics, createLogger, NO_TRACING } from '@murmuration/runtime';
import { readConfig } from '../../config.js';
import type { RelayContext } from '../../relay-context.js';
import { MemoryLive } from '../../testing/memory-live.js';
import { startGrpc, type GrpcEndpoint } from '../start-grpc.js';
import { GrpcClient } from './grpc-client.js';
import { MemoryJobs } from './memory-jobs.js';
import { MemoryTranscribe } from './memory-transcribe.js';

export interface TestGrpc {
  readonly endpoint: GrpcEndpoint;
  readonly client: GrpcClient;
  readonly live: MemoryLive;
  readonly transcribe: MemoryTranscribe;
  readonly jobs: MemoryJobs;
  readonly metrics: Metrics;
  /** Keys by name, where such were asked for. */
  readonly keys: Readonly<Record<string, string>>;
  /** Another connection. */
  connect(options?: ChannelOptions): GrpcClient;
  drain(): void;
}

/** GRPC needs no tickets. */
const NO_TICKETS: TicketStore = {
  put: () => Promise.resolve(),
  read: () => Promise.resolve(null),
  take: () => Promise.resolve(null),
};

/** The gRPC endpoint over in-memory services, closed when the test ends. @param scopes keys to make, by name; none lets everybody in */
export async function testGrpc(
  context: TestContext,
  environment: Readonly<Record<string, string>> = {},
  scopes: Readonly<Record<string, readonly Scope[]>> = {},
): Promise<TestGrpc> {
  const directory = await mkdtemp(join(tmpdir(), 'grpc-test-'));
  const file = join(directory, 'keys.json');
  const keys: Record<string, string> = {};
  for (const [name, allowed] of Object.entries(scopes))
    keys[name] = (await createKey(file, { name, scopes: allowed })).key;
  const guarded = Object.keys(keys).length > 0;
  const config = readConfig({ LOG_LEVEL: 'silent', GRPC_PORT: '0', ...environment });
  const logger = createLogger({ service: 'relay', level: 'silent' });
  const keyFile = guarded ? await KeyFile.open({ path: file, logger }) : null;
  const [draining, abandoned] = [new AbortController(), new AbortController()];
  for (const { signal } of [draining, abandoned]) setMaxListeners(0, signal);
  const [live, transcribe, jobs, metrics] = [new MemoryLive(), new MemoryTranscribe(), new MemoryJobs(), new Metrics()];
  const parts: RelayContext = {
    live,
    transcribe,
    jobs,
    config,
    logger,
    metrics,
    tracing: NO_TRACING,
    access: new Access(keyFile, NO_TICKETS),
    stopping: () => draining.signal.aborted,
    draining: draining.signal,
    abandoned: abandoned.signal,
  };
  const endpoint = await startGrpc(parts);
  const clients: GrpcClient[] = [];
  const connect: TestGrpc['connect'] = (options) => {
    const client = new GrpcClient(`127.0.0.1:${String(endpoint.port)}`, options);
    clients.push(client);
    return client;
  };
  context.after(async () => {
    for (const client of clients) client.close();
    await endpoint.close(0);
    keyFile?.close();
    await rm(directory, { recursive: true });
  });
  return {
    endpoint,
    client: connect(),
    live,
    transcribe,
    jobs,
    metrics,
    keys,
    connect,
    drain: () => {
      draining.abort();
    },
  };
}
