import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { Access, KeyFile } from '@murmuration/access';
import { decodableFormats, findFfmpeg } from '@murmuration/audio';
import { Intake } from '@murmuration/intake';
import { GuardedClient } from '@murmuration/outbound';
import { EventLoopLag, Metrics, OperationsServer, Shutdown, configOrExit, createLogger, gpuFacts, portInUse } from '@murmuration/runtime';
import { createApp } from './app.js';
import { cachedFor } from './cached-for.js';
import { closeInOrder, unusedConnections } from './close-in-order.js';
import { readConfig } from './config.js';
import { ActiveUploads } from './upload/active-uploads.js';
import { SpoolDirectory } from './upload/spool-directory.js';

/** Beyond the requests in hand, the end takes this long at most. */
const END_MS = 5_000;
/** Asking for GPUs starts programs: the answer is good for a while. */
const GPU_FACTS_MS = 10_000;

const config = configOrExit(readConfig);
const logger = createLogger({ service: 'api', level: config.LOG_LEVEL });
const shutdown = new Shutdown(logger, config.DRAIN_TIMEOUT_MS + END_MS);
const metrics = new Metrics();
const state: { started: boolean; intake: Intake | null } = { started: false, intake: null };

function exit(error: unknown): never {
  logger.fatal({ reason: error instanceof Error ? error.message : String(error) }, 'cannot start');
  process.exit(1);
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
        draining: { ok: !shutdown.stopping, detail: shutdown.stopping ? 'stopping' : 'taking requests' },
      };
    },
    started: () => state.started,
  },
}).catch(exit);
shutdown.add('operations', () => operations.close());
const lag = new EventLoopLag((seconds) => { metrics.eventLoopLagSeconds.set(seconds); });
shutdown.add('lag', () => { lag.close(); });

const keys = config.API_KEYS_FILE === undefined ? null : await KeyFile.open({ path: resolve(config.API_KEYS_FILE), logger })
  .catch((error: unknown) => exit(new Error(`API_KEYS_FILE: ${error instanceof Error ? error.message : String(error)}`)));
shutdown.add('keys', () => { keys?.close(); });

/** Without keys there is nobody to share with. */
const owners = (): number => keys?.ring.names ?? 1;

// A decoder may start in another folder, so the path is made whole here.
const spoolDir = resolve(config.SPOOL_DIR);
const spools = await SpoolDirectory.open(spoolDir, config.SPOOL_MAX_BYTES).catch((error: unknown) => exit(new Error('SPOOL_DIR: the folder cannot be made.', { cause: error })));
const ffmpeg = await findFfmpeg({ ffmpegPath: config.FFMPEG_PATH ?? null, searchPath: config.PATH }).catch(exit);
const outbound = new GuardedClient({ allowlist: config.URL_ALLOWLIST });
shutdown.add('outbound', () => outbound.close());
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
  speech: { threads: config.DETECT_THREADS, vadModelPath: resolve(config.vadModelPath), spoolDir, maxSpoolBytes: config.MAX_UPLOAD_BYTES, ffmpeg },
  logger,
}).catch(exit);
state.intake = intake;
shutdown.add('intake', () => intake.close());

const leaving = new AbortController();
const abandoned = new AbortController();
const app = await createApp({
  service: intake,
  spools,
  limits: { maxUploadBytes: config.MAX_UPLOAD_BYTES, maxFormFields: config.MAX_FORM_FIELDS, idleTimeoutMs: config.UPLOAD_IDLE_TIMEOUT_MS, totalTimeoutMs: config.UPLOAD_TOTAL_TIMEOUT_MS },
  config,
  logger,
  access: new Access(keys, intake.tickets),
  jobs: intake.jobs,
  live: intake.live,
  outbound,
  uploads: new ActiveUploads(config.MAX_ACTIVE_UPLOADS, owners),
  formats: decodableFormats({ ffmpeg: ffmpeg !== null }),
  gpus: cachedFor(GPU_FACTS_MS, () => gpuFacts().catch(() => [])),
  stopping: () => shutdown.stopping,
  leaving: leaving.signal,
  abandoned: abandoned.signal,
  onAnswer: (route, status, durationMs) => {
    metrics.httpRequestSeconds.observe({ route, status: `${String(Math.floor(status / 100))}xx` }, durationMs / 1_000);
  },
});
const unused = unusedConnections(app.server);
shutdown.add('http', () => {
  leaving.abort();
  return closeInOrder(app, unused, config.DRAIN_TIMEOUT_MS, () => { abandoned.abort(); });
});
await app.listen({ host: config.API_HOST, port: config.API_PORT, listenTextResolver: () => 'listening' }).catch((error: unknown) => exit(portInUse(error as NodeJS.ErrnoException, 'API_PORT', config.API_PORT)));
state.started = true;
logger.info({ host: config.API_HOST, port: (app.server.address() as AddressInfo).port, metricsPort: operations.port, ffmpeg: ffmpeg?.version ?? null }, 'ready');
