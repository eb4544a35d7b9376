import { access, constants, mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Access, KeyFile } from '@murmuration/access';
import { findFfmpeg } from '@murmuration/audio';
import { Intake } from '@murmuration/transcribe';
import { GuardedClient } from '@murmuration/outbound';
import {
  EventLoopLag,
  Metrics,
  OperationsServer,
  Shutdown,
  createLogger,
  portInUse,
  startTracing,
  type Logger,
  type Tracing,
} from '@murmuration/runtime';
import { shrinkWhenQuiet } from '@murmuration/runtime/quiet-memory';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { NodeConfig } from './variables.js';

/** After the work in progress has drained, the rest of the orderly end takes at most this long. */
const END_MS = 5_000;

export interface NodeOptions {
  /** Name of the service in log lines. */
  readonly service: string;
  /** What readiness says while the node is not stopping, for example `taking requests`. */
  readonly serving: string;
  readonly config: NodeConfig;
}

/** A node of a service, started up to its intake: what remains is to open the ports and call `started`. */
export interface ServiceNode {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  /** Steps that are added now run before those of the node. */
  readonly shutdown: Shutdown;
  readonly access: Access;
  readonly outbound: GuardedClient;
  readonly intake: Intake;
  /** Null where there is none. */
  readonly ffmpeg: Awaited<ReturnType<typeof findFfmpeg>>;
  /** Owners of keys; 1 without keys, since there is nobody to share with. */
  readonly owners: () => number;
  /** Ends the process with one log line. */
  readonly exit: (error: unknown) => never;
  /** Ends the process because a port cannot be opened; the line names the variable that changes it. */
  readonly portFault: (variable: string, port: number) => (error: unknown) => never;
  /** Sets metrics once a second. */
  readonly everySecond: (update: () => void) => void;
  /** The node serves: readiness and the log say so. */
  readonly started: (facts: Readonly<Record<string, unknown>>) => void;
}

/**
 * Starts what every service has: signals, probes and metrics, keys, the client for addresses that clients name, ffmpeg, and the intake with its connections to Redis.
 * Each has its step in the shutdown. A fault ends the process with status 1 and one line that says what to do.
 */
export async function startNode({ service, serving, config }: NodeOptions): Promise<ServiceNode> {
  const logger = createLogger({ service, level: config.LOG_LEVEL });
  const shutdown = new Shutdown(logger, config.DRAIN_TIMEOUT_MS + END_MS);
  const metrics = new Metrics();
  const state: { started: boolean; intake: Intake | null; update: () => void } = {
    started: false,
    intake: null,
    update: () => undefined,
  };
  const exit = (error: unknown): never => {
    logger.fatal({ reason: error instanceof Error ? error.message : String(error) }, 'cannot start');
    process.exit(1);
  };

  shutdown.listen();
  const tracing = await startTracing(service, config.OTEL_EXPORTER_OTLP_ENDPOINT, (message) => {
    logger.warn({ reason: message }, 'traces could not be sent');
  });
  shutdown.add('tracing', () => tracing.close());
  const operations = await OperationsServer.start({
    host: config.METRICS_HOST,
    port: config.METRICS_PORT,
    allowedHosts: config.ALLOWED_HOSTS,
    registry: metrics.registry,
    probes: {
      live: () => ({ ok: true, detail: 'answering' }),
      ready: async () => {
        const redis = (await state.intake?.status().then((status) => status.redis)) ?? 'not connected yet';
        return {
          started: { ok: state.started, detail: state.started ? 'started' : 'starting' },
          redis: { ok: redis === 'up', detail: redis },
          draining: { ok: !shutdown.stopping, detail: shutdown.stopping ? 'stopping' : serving },
        };
      },
      started: () => state.started,
    },
  }).catch(exit);
  shutdown.add('operations', () => operations.close());
  const lag = new EventLoopLag((seconds) => {
    metrics.eventLoopLagSeconds.set(seconds);
    state.update();
  });
  shutdown.add('lag', () => {
    lag.close();
  });

  shrinkWhenQuiet();

  const keys =
    config.API_KEYS_FILE === undefined
      ? null
      : await KeyFile.open({ path: resolve(config.API_KEYS_FILE), logger }).catch((error: unknown) =>
          exit(new Error(`API_KEYS_FILE: ${error instanceof Error ? error.message : String(error)}`)),
        );
  shutdown.add('keys', () => {
    keys?.close();
  });
  const owners = (): number => keys?.ring.names ?? 1;
  const outbound = new GuardedClient({ allowlist: config.URL_ALLOWLIST });
  shutdown.add('outbound', () => outbound.close());
  const ffmpeg = await findFfmpeg({ ffmpegPath: config.FFMPEG_PATH ?? null, searchPath: config.PATH }).catch(exit);
  const spoolDir = resolve(config.SPOOL_DIR);
  await mkdir(spoolDir, { recursive: true, mode: 0o700 })
    .then(() => access(spoolDir, constants.W_OK))
    .catch((error: unknown) =>
      exit(new Error(`SPOOL_DIR: uploads cannot be written there: ${error instanceof Error ? error.message : ''}`)),
    );
  const intake = await Intake.start({
    redis: config.redis,
    defaultModel: config.DEFAULT_MODEL ?? null,
    wakeableModels: config.WAKEABLE_MODELS,
    limits: { maxDurationMs: config.MAX_AUDIO_SECONDS * 1_000, maxChannels: config.MAX_AUDIO_CHANNELS },
    workerWaitMs: config.WORKER_WAIT_TIMEOUT_MS,
    audioStore: config.audioStore,
    jobs: {
      maxBacklogMs: config.MAX_BACKLOG_SECONDS * 1_000,
      retentionSeconds: config.jobRetentionSeconds,
      eraseWithinMs: config.ERASE_WITHIN_MS,
      owners,
      monthlyAudioSeconds: (owner) => keys?.ring.monthlyAudioSeconds(owner, Date.now()) ?? null,
      webhookSecret: config.WEBHOOK_SECRET ?? null,
      ...(keys === null ? {} : { ownWebhookSecret: (owner: string) => keys.ring.webhookSecret(owner, Date.now()) }),
      outbound,
    },
    // A decoder may start in another directory, so that paths are made absolute here.
    speech: {
      threads: config.DETECT_THREADS,
      vadModelPath: resolve(config.vadModelPath),
      spoolDir,
      maxSpoolBytes: config.MAX_UPLOAD_BYTES,
      ffmpeg,
    },
    onJobEnd: (code) => {
      metrics.jobEnded(code);
    },
    tracing,
    logger,
  }).catch(exit);
  state.intake = intake;
  shutdown.add('intake', () => intake.close());

  return {
    logger,
    metrics,
    tracing,
    shutdown,
    outbound,
    intake,
    ffmpeg,
    owners,
    exit,
    access: new Access(keys, intake.tickets),
    portFault: (variable, port) => (error) => exit(portInUse(error as NodeJS.ErrnoException, variable, port)),
    everySecond: (update) => {
      state.update = update;
    },
    started: (facts) => {
      state.started = true;
      logger.info({ ...facts, metricsPort: operations.port }, 'ready');
    },
  };
}

/** Has the gauges of the queue tell what waits and is in work in the whole cluster. While Redis is away they tell nothing: a wrong figure would scale workers. */
export function observeQueue(metrics: Metrics, intake: Pick<Intake, 'backlog'>): void {
  metrics.onQueueCollect(async () => {
    const backlogs = await intake.backlog().catch(leaveAlone('shown_without', []));
    metrics.queueJobs.reset();
    metrics.queueBacklogAudioSeconds.reset();
    for (const { slug, audioSeconds, waiting, active } of backlogs) {
      metrics.queueBacklogAudioSeconds.set({ model: slug }, audioSeconds);
      metrics.queueJobs.set({ model: slug, state: 'waiting' }, waiting);
      metrics.queueJobs.set({ model: slug, state: 'active' }, active);
    }
  });
}
