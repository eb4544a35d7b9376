import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { decodableFormats } from '@murmuration/audio';
import { configOrExit, gpuFacts } from '@murmuration/runtime';
import { observeQueue, startNode } from '@murmuration/service';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { createApp } from './app.js';
import { cachedFor, RecentAnswers } from './figures/recent-answers.js';
import { closeInOrder, unusedConnections } from './close-in-order.js';
import { readConfig } from './config.js';
import { ActiveUploads } from './upload/active-uploads.js';
import { SpoolDirectory } from './upload/spool.js';

/** Reading the GPUs starts programs, so that an answer is kept for this long. */
const GPU_FACTS_MS = 10_000;

const config = configOrExit(readConfig);
const { access, exit, ffmpeg, intake, logger, metrics, outbound, owners, portFault, shutdown, started, tracing } =
  await startNode({ service: 'api', serving: 'taking requests', config });
observeQueue(metrics, intake);
const spools = await SpoolDirectory.open(resolve(config.SPOOL_DIR), config.SPOOL_MAX_BYTES).catch((error: unknown) =>
  exit(new Error('SPOOL_DIR: the folder cannot be made.', { cause: error })),
);
const [leaving, abandoned] = [new AbortController(), new AbortController()];
const app = await createApp({
  config,
  logger,
  access,
  outbound,
  tracing,
  spools,
  service: intake,
  jobs: intake.jobs,
  live: intake.live,
  usage: intake.usage,
  limits: {
    maxUploadBytes: config.MAX_UPLOAD_BYTES,
    maxFormFields: config.MAX_FORM_FIELDS,
    idleTimeoutMs: config.UPLOAD_IDLE_TIMEOUT_MS,
    totalTimeoutMs: config.UPLOAD_TOTAL_TIMEOUT_MS,
  },
  uploads: new ActiveUploads(config.MAX_ACTIVE_UPLOADS, owners),
  formats: decodableFormats({ ffmpeg: ffmpeg !== null }),
  gpus: cachedFor(GPU_FACTS_MS, () => gpuFacts().catch(leaveAlone('shown_without', []))),
  stopping: () => shutdown.stopping,
  leaving: leaving.signal,
  abandoned: abandoned.signal,
  backlog: () => intake.backlog(),
  answers: new RecentAnswers(),
  onAnswer: (route, status, durationMs, code) => {
    metrics.answered(status, code);
    metrics.httpRequestSeconds.observe({ route, status: `${String(Math.floor(status / 100))}xx` }, durationMs / 1_000);
  },
});
const unused = unusedConnections(app.server);
shutdown.add('http', () => {
  leaving.abort();
  return closeInOrder(app, unused, config.DRAIN_TIMEOUT_MS, () => {
    abandoned.abort();
  });
});
await app
  .listen({ host: config.API_HOST, port: config.API_PORT, listenTextResolver: () => 'listening' })
  .catch(portFault('API_PORT', config.API_PORT));
started({ host: config.API_HOST, port: (app.server.address() as AddressInfo).port, ffmpeg: ffmpeg?.version ?? null });
