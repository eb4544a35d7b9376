import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { Access, KeyFile } from '@murmuration/access';
import { findFfmpeg } from '@murmuration/audio';
import { Intake, Live } from '@murmuration/intake';
import { GuardedClient } from '@murmuration/outbound';
import { EventLoopLag, Metrics, OperationsServer, Shutdown, configOrExit, createLogger, portInUse } from '@murmuration/runtime';
import { createApp } from './app.js';
import { readConfig } from './config.js';
import { startVosk, startWhisperLive, type DialectPort } from './protocols/index.js';
import { drain } from './drain.js';
import { startGrpc } from './grpc/index.js';
import type { RelayContext } from './relay-context.js';

/** Beyond the sessions in hand, the end takes this long at most. */
const END_MS = 5_000;

const config = configOrExit(readConfig);
const logger = createLogger({ service: 'relay', level: config.LOG_LEVEL });
const shutdown = new Shutdown(logger, config.DRAIN_TIMEOUT_MS + END_MS);
const metrics = new Metrics();
const state: { started: boolean; intake: Intake | null } = { started: false, intake: null };

function exit(error: unknown): never {
  logger.fatal({ reason: error instanceof Error ? error.message : String(error) }, 'cannot start');
  process.exit(1);
}

function portFault(variable: string, port: number): (error: unknown) => never {
  return (error) => exit(portInUse(error as NodeJS.ErrnoException, variable, port));
}

shutdown.listen();
const operations = await OperationsServer.start({
  host: config.METRICS_HOST,
  port: config.METRICS_PORT,
  allowedHosts: config.ALLOWED_HOSTS,
  registry: metrics.registry,
  probes: {
    live: () => ({ ok: true, detail: 'answering' }),
    ready: async () => {
      const redis = await state.intake?.status().then((status) => status.redis) ?? 'not connected yet';
      return {
        started: { ok: state.started, detail: state.started ? 'started' : 'starting' },
        redis: { ok: redis === 'up', detail: redis },
        draining: { ok: !shutdown.stopping, detail: shutdown.stopping ? 'stopping' : 'taking sessions' },
      };
    },
    started: () => state.started,
  },
}).catch(exit);
shutdown.add('operations', () => operations.close());

const keys = config.API_KEYS_FILE === undefined ? null : await KeyFile.open({ path: resolve(config.API_KEYS_FILE), logger })
  .catch((error: unknown) => exit(new Error(`API_KEYS_FILE: ${error instanceof Error ? error.message : String(error)}`)));
shutdown.add('keys', () => { keys?.close(); });
/** Without keys there is nobody to share with. */
const owners = (): number => keys?.ring.names ?? 1;
const outbound = new GuardedClient({ allowlist: config.URL_ALLOWLIST });
shutdown.add('outbound', () => outbound.close());

const vadModelPath = resolve(config.vadModelPath);
const ffmpeg = await findFfmpeg({ ffmpegPath: config.FFMPEG_PATH ?? null, searchPath: config.PATH }).catch(exit);
const intake = await Intake.start({
  redisUrl: config.REDIS_URL,
  defaultModel: config.DEFAULT_MODEL ?? null,
  limits: { maxDurationMs: config.MAX_AUDIO_SECONDS * 1_000, maxChannels: config.MAX_AUDIO_CHANNELS },
  workerWaitMs: config.WORKER_WAIT_TIMEOUT_MS,
  audioStore: config.audioStore,
  jobs: {
    maxBacklogMs: config.MAX_BACKLOG_SECONDS * 1_000,
    retentionSeconds: config.jobRetentionSeconds,
    eraseWithinMs: config.ERASE_WITHIN_MS,
    owners,
    webhookSecret: config.WEBHOOK_SECRET ?? null,
    ownWebhookSecret: (owner) => keys?.ring.webhookSecret(owner, Date.now()) ?? null,
    outbound,
  },
  speech: { threads: config.DETECT_THREADS, vadModelPath, spoolDir: resolve(config.SPOOL_DIR), maxSpoolBytes: config.MAX_UPLOAD_BYTES, ffmpeg },
  logger,
}).catch(exit);
state.intake = intake;
shutdown.add('intake', () => intake.close());

const live = await Live.start({
  redisUrl: config.REDIS_URL,
  relay: `${hostname()}-${randomUUID().slice(0, 8)}`,
  defaultModel: config.DEFAULT_MODEL ?? null,
  workerWaitMs: config.WORKER_WAIT_TIMEOUT_MS,
  speech: { threads: config.DETECT_THREADS, vadModelPath },
  limits: { maxSessions: config.MAX_SESSIONS, idleTimeoutMs: config.SESSION_IDLE_TIMEOUT_MS, maxSessionMs: config.MAX_SESSION_MS, idleEndpointingMs: config.IDLE_ENDPOINTING_MS, graceMs: config.SESSION_GRACE * 1_000 },
  eraseWithinMs: config.ERASE_WITHIN_MS,
  owners,
  logger,
}).catch(exit);
shutdown.add('live', () => live.close());

const [draining, abandoned] = [new AbortController(), new AbortController()];
// Every connection listens.
for (const { signal } of [draining, abandoned]) setMaxListeners(0, signal);
const parts: RelayContext = {
  live, config, logger, metrics,
  transcribe: intake,
  jobs: intake.jobs,
  access: new Access(keys, intake.tickets),
  stopping: () => shutdown.stopping,
  draining: draining.signal,
  abandoned: abandoned.signal,
};
const app = await createApp(parts);
const grpc = config.ENABLE_GRPC ? await startGrpc(parts).catch(portFault('GRPC_PORT', config.GRPC_PORT)) : null;
const dialects: DialectPort[] = [];
if (config.ENABLE_WEBSOCKET) {
  await app.listen({ host: config.RELAY_HOST, port: config.WS_PORT, listenTextResolver: () => 'listening' }).catch(portFault('WS_PORT', config.WS_PORT));
  if (config.WHISPERLIVE_PORT !== undefined) dialects.push(await startWhisperLive(parts, config.WHISPERLIVE_PORT).catch(portFault('WHISPERLIVE_PORT', config.WHISPERLIVE_PORT)));
  if (config.VOSK_PORT !== undefined) dialects.push(await startVosk(parts, config.VOSK_PORT).catch(portFault('VOSK_PORT', config.VOSK_PORT)));
}
const lag = new EventLoopLag((seconds) => {
  metrics.eventLoopLagSeconds.set(seconds);
  metrics.liveSessions.set(live.owned);
  metrics.sockets.set(app.websocketServer.clients.size);
});
shutdown.add('lag', () => { lag.close(); });
shutdown.add('doors', () => drain({ app, grpc, dialects, live, draining, abandoned }, config.DRAIN_TIMEOUT_MS));
state.started = true;
const webSocketPort = config.ENABLE_WEBSOCKET ? (app.server.address() as AddressInfo).port : null;
logger.info({ host: config.RELAY_HOST, webSocketPort, grpcPort: grpc?.port ?? null, dialectPorts: dialects.map((door) => door.port), metricsPort: operations.port, ffmpeg: ffmpeg?.version ?? null }, 'ready');
