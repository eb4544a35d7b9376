import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  LiveItems,
  TicketQueues,
  TicketWorker,
  TroubleLog,
  WorkItems,
  onCancelled,
  openAudioStore,
  patientConnection,
  subscriberConnection,
} from '@murmuration/store';
import {
  EventLoopLag,
  Metrics,
  OperationsServer,
  Shutdown,
  configOrExit,
  createLogger,
  startTracing,
} from '@murmuration/runtime';
import { limitExitWait } from '@murmuration/onnx';
import { shrinkWhenQuiet } from '@murmuration/runtime/quiet-memory';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { BatchShare, Holdings } from './scheduler/holdings.js';
import { Batcher } from './scheduler/batcher.js';
import { CancelledJobs } from './work/cancelled-jobs.js';
import { readConfig } from './config.js';
import { FetchWatch } from './work/fetch-watch.js';
import { loadModel } from './model/load-model.js';
import { DeviceTimes, observeBatch, RecentThroughput } from './model/recent-throughput.js';
import { ResultWriter, UntilStored } from './work/result-writer.js';
import { LiveFinals } from './work/live-finals.js';
import { LatestFinals, LivePartials, PreflightTexts } from './work/live-partials.js';
import { RecordingItems } from './work/recording-items.js';
import { TranscribeItems } from './work/transcribe-items.js';
import { WorkerCard } from './model/worker-card.js';

/** A worker that has not fetched for this long while work waits is taken for hung, seconds. */
const FETCH_AGE_LIMIT_S = 60;

const config = configOrExit(readConfig);
const logger = createLogger({ service: 'worker', level: config.LOG_LEVEL });
const shutdown = new Shutdown(logger, config.DRAIN_TIMEOUT_MS);
limitExitWait(() => shutdown.leftMs);
const metrics = new Metrics();
const state = { started: false, fault: null as string | null };

const redis = patientConnection(config.redis, logger);
const subscriber = subscriberConnection(config.redis, logger);
let watch: FetchWatch | null = null;

shutdown.listen();
const tracing = await startTracing('worker', config.OTEL_EXPORTER_OTLP_ENDPOINT, (message) => {
  logger.warn({ reason: message }, 'traces could not be sent');
});
shutdown.add('tracing', () => tracing.close());
const operations = await OperationsServer.start({
  host: config.METRICS_HOST,
  port: config.METRICS_PORT,
  allowedHosts: config.ALLOWED_HOSTS,
  registry: metrics.registry,
  probes: {
    live: () => {
      const age = watch?.ageSeconds ?? 0;
      return { ok: age < FETCH_AGE_LIMIT_S, detail: `last heard from the queue ${age.toFixed(0)} s ago` };
    },
    ready: () => ({
      model: { ok: state.started, detail: state.fault ?? (state.started ? 'loaded and warm' : 'loading') },
      redis: { ok: redis.status === 'ready', detail: redis.status },
      draining: { ok: !shutdown.stopping, detail: shutdown.stopping ? 'stopping' : 'taking work' },
    }),
    started: () => state.started,
  },
}).catch((error: unknown) => {
  logger.fatal({ reason: error instanceof Error ? error.message : String(error) }, 'cannot start');
  process.exit(1);
});
shutdown.add('operations', () => operations.close());
shutdown.add('redis', async () => {
  subscriber.disconnect();
  await redis.quit().catch(leaveAlone('closing'));
  // One that could not say goodbye would try to connect again for ever.
  redis.disconnect();
});
const lag = new EventLoopLag((seconds) => {
  metrics.eventLoopLagSeconds.set(seconds);
  metrics.workerLastFetchAgeSeconds.set(watch?.ageSeconds ?? 0);
});
shutdown.add('lag', () => {
  lag.close();
});

shrinkWhenQuiet();
const model = await loadModel(config, logger, metrics).catch((error: unknown) => {
  logger.fatal({ reason: error instanceof Error ? error.message : String(error) }, 'the model cannot be loaded');
  process.exit(1);
});
const { pool, device, gpu } = model;
shutdown.add('model', () => pool.close());
pool.onFault((error) => {
  // The runtime's state is unknown after a thread died; a fresh process is the only safe one.
  logger.fatal({ err: error }, 'an inference thread died');
  process.exit(1);
});

const slug = pool.description.slug;
// What each session runs, what is made ready for it, and the next.
const holds = pool.sessions * pool.maxBatch * (pool.depth + 1);
const workerId = `${hostname()}-${randomUUID().slice(0, 8)}`;
const queues = new TicketQueues(redis);
const audio = await openAudioStore(config.audioStore, redis, (url) => patientConnection(url, logger)).catch(
  (error: unknown) => {
    logger.fatal({ reason: error instanceof Error ? error.message : String(error) }, 'cannot start');
    process.exit(1);
  },
);
shutdown.add('audio', () => {
  audio.close();
});
const cancelled = new CancelledJobs();
const throughput = new RecentThroughput();
const deviceTimes = new DeviceTimes(metrics);
await onCancelled(subscriber, (job) => {
  cancelled.add(job);
});
const batcher = new Batcher(pool, {
  maxBatchMs: config.MAX_BATCH_MS,
  outOfMemory: model.outOfMemory,
  tracing,
  onBatch: (facts) => {
    observeBatch(metrics, throughput, facts);
    deviceTimes.add(facts);
  },
});
const holdings = new Holdings(holds);
const batchShare = new BatchShare((to) => queues.promote(slug, to));
const itemTrouble = new TroubleLog(logger, 'saying that runs begin and queueing next tickets');
const items = new WorkItems(redis, queues, slug, itemTrouble);
const liveItems = new LiveItems(redis, queues, slug, itemTrouble);
const untilStored = new UntilStored(logger);
const live = { items: liveItems, finals: new LatestFinals(), preflights: new PreflightTexts(), cancelled };
const transcribe = new TranscribeItems({
  batcher,
  holdings,
  cancelled,
  metrics,
  tracing,
  model: pool.description.id,
  logger,
  untilStored,
  share: batchShare,
  recordings: new RecordingItems({
    workerId,
    items,
    audio,
    cancelled,
    metrics,
    untilStored,
    batchItems: pool.maxBatch,
    // Chunks are on average about half as long as the planner aims at: speech pauses. A turn brings the longest chunk at least.
    turnMs: Math.max(
      pool.description.chunkPolicy.maxChunkMs,
      (pool.maxBatch * pool.description.chunkPolicy.targetChunkMs) / 2,
    ),
    writer: new ResultWriter(items, untilStored),
  }),
  sessions: new LiveFinals({ ...live, untilStored, metrics }),
});
const partials = new LivePartials({ ...live, batcher, tracing, model: pool.description.id });
watch = new FetchWatch(
  queues,
  slug,
  () => !holdings.hasRoom,
  () => redis.status === 'ready',
);
const fetchWatch = watch;
const trouble = new TroubleLog(logger, 'the queue');
const tickets = new TicketWorker(
  slug,
  redis,
  {
    ticket: (entry) => transcribe.handle(entry),
    partial: async (entry) => {
      holdings.reserve(1);
      batchShare.took('live', 1);
      try {
        await partials.handle(entry);
      } finally {
        holdings.release(1);
      }
    },
    hasRoom: () => holdings.hasRoom,
  },
  {
    onFetch: () => {
      fetchWatch.fetched();
      trouble.over();
    },
    onStalled: () => {
      metrics.stalled.inc();
    },
    onError: (error) => {
      trouble.met(error);
    },
  },
);
holdings.onRoom = () => {
  tickets.roomChanged();
};

const card = new WorkerCard(
  redis,
  {
    workerId,
    device,
    gpu,
    holds,
    model: pool.description,
    sessions: pool.sessions,
    maxBatch: pool.maxBatch,
    speed: pool.speed,
    startedAtMs: Date.now(),
  },
  () => throughput.speed,
);
await card.start();
void model.successor.then((successor) => {
  if (successor !== null) card.change({ device: successor, speed: pool.speed }).catch(leaveAlone('repeated'));
});
shutdown.add('queue', () => queues.close());
shutdown.add('card', () => card.withdraw());
shutdown.add('tickets', async () => {
  await card.drain().catch(leaveAlone('closing'));
  const closed = tickets.close();
  await batcher.drain();
  await closed;
  fetchWatch.close();
});
state.started = true;
logger.info(
  {
    worker: workerId,
    model: pool.description.id,
    dtype: pool.description.dtype,
    device,
    sessions: pool.sessions,
    maxBatch: pool.maxBatch,
    speed: Math.round(pool.speed),
    metricsPort: operations.port,
  },
  'ready',
);
