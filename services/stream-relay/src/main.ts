import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { Live } from '@murmuration/transcribe';
import { configOrExit } from '@murmuration/runtime';
import { observeQueue, startNode } from '@murmuration/service';
import { createApp, drain } from './app.js';
import { readConfig } from './config.js';
import { startGrpc } from './grpc/start-grpc.js';
import type { ProtocolPort } from './protocols/live-protocol.js';
import { PROTOCOLS } from './protocols/registry.js';
import type { RelayContext } from './relay-context.js';

const config = configOrExit(readConfig);
const { access, everySecond, exit, ffmpeg, intake, logger, metrics, owners, portFault, shutdown, started, tracing } =
  await startNode({ service: 'relay', serving: 'taking sessions', config });
// As at the API nodes; what waits here for the first worker of a model is known here alone.
observeQueue(metrics, intake);
const live = await Live.start({
  redis: config.redis,
  channels: intake.channels,
  relay: `${hostname()}-${randomUUID().slice(0, 8)}`,
  defaultModel: config.DEFAULT_MODEL ?? null,
  registry: intake.registry,
  workerWaitMs: config.WORKER_WAIT_TIMEOUT_MS,
  speech: { threads: config.DETECT_THREADS, vadModelPath: resolve(config.vadModelPath) },
  limits: {
    maxSessions: config.MAX_SESSIONS,
    idleTimeoutMs: config.SESSION_IDLE_TIMEOUT_MS,
    maxSessionMs: config.MAX_SESSION_MS,
    idleEndpointingMs: config.IDLE_ENDPOINTING_MS,
    graceMs: config.SESSION_GRACE * 1_000,
  },
  eraseWithinMs: config.ERASE_WITHIN_MS,
  owners,
  usage: intake.usage,
  tracing,
  logger,
}).catch(exit);
shutdown.add('live', () => live.close());

const [draining, abandoned] = [new AbortController(), new AbortController()];
// Every connection listens.
for (const { signal } of [draining, abandoned]) setMaxListeners(0, signal);
const context: RelayContext = {
  live,
  config,
  logger,
  metrics,
  access,
  tracing,
  transcribe: intake,
  jobs: intake.jobs,
  stopping: () => shutdown.stopping,
  draining: draining.signal,
  abandoned: abandoned.signal,
};
const app = await createApp(context);
const grpc = config.ENABLE_GRPC ? await startGrpc(context).catch(portFault('GRPC_PORT', config.GRPC_PORT)) : null;
const ports: ProtocolPort[] = [];
if (config.ENABLE_WEBSOCKET) {
  await app
    .listen({ host: config.RELAY_HOST, port: config.WS_PORT, listenTextResolver: () => 'listening' })
    .catch(portFault('WS_PORT', config.WS_PORT));
}
for (const { ownPort } of PROTOCOLS) {
  const port = ownPort === undefined ? undefined : config[ownPort.variable];
  if (ownPort === undefined || port === undefined) continue;
  if (ownPort.transport === 'websocket' && !config.ENABLE_WEBSOCKET) continue;
  ports.push(await ownPort.open(context, port).catch(portFault(ownPort.variable, port)));
}
everySecond(() => {
  metrics.liveSessions.set(live.owned);
  metrics.sockets.set(app.websocketServer.clients.size);
});
shutdown.add('endpoints', () => drain({ app, grpc, ports, live, draining, abandoned }, config.DRAIN_TIMEOUT_MS));
started({
  host: config.RELAY_HOST,
  webSocketPort: config.ENABLE_WEBSOCKET ? (app.server.address() as AddressInfo).port : null,
  grpcPort: grpc?.port ?? null,
  protocolPorts: ports.map((each) => each.port),
  ffmpeg: ffmpeg?.version ?? null,
});
