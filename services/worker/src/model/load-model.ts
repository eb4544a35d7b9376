import { freemem } from 'node:os';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { isOutOfMemory, RecognizerPool, resolveModel, type ModelProgress, type PoolOptions } from '@murmuration/asr';
import type { ModelCard } from '@murmuration/contracts';
import { availableDevices, engineFolder } from '@murmuration/onnx';
import { gpuFacts, GpuWatch, visibleGpus, type GpuFacts, type Logger, type Metrics } from '@murmuration/runtime';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { WorkerConfig } from '../config.js';
import { bindingFor, chooseDevice, gpuOptions } from './choose-device.js';

/** The worker's model, loaded and warm. */
export interface LoadedModel {
  readonly pool: RecognizerPool;
  readonly device: string;
  readonly gpu: ModelCard['gpu'];
  readonly outOfMemory: (error: unknown) => boolean;
  /** The device that has taken over from `device`, once it has; null where none does. */
  readonly successor: Promise<string | null>;
}

/** Memory a session of a small model takes with its buffers at the largest batch; bounds the sessions on a small machine. */
const SESSION_BYTES = 600 * 1024 * 1024;

/** Finds, loads and warms the model on the device that is asked for. Throws a sentence that says what is wrong. */
export async function loadModel(config: WorkerConfig, logger: Logger, metrics: Metrics): Promise<LoadedModel> {
  const startedMs = performance.now();
  const readGpus = async (): Promise<readonly GpuFacts[]> => visibleGpus(await gpuFacts(), config.CUDA_VISIBLE_DEVICES);
  const gpus = await readGpus().catch(leaveAlone('shown_without', []));
  if (gpus.length > 0) new GpuWatch(metrics.gpuGauges(), readGpus);
  const gpu = gpus[0] ?? null;
  const gpuUse = gpuOptions(config);
  const wanted = config.DEVICE === 'auto' ? 'cuda' : config.DEVICE;
  const built = await availableDevices(bindingFor(wanted, config) ?? 'native', gpuUse);
  const device = chooseDevice(config, gpu !== null, built, logger);
  const model = await resolveModel(config.DEVICE === 'simulated' ? 'simulated' : config.MODEL_PATH, {
    cacheDir: config.MODEL_CACHE,
    dtype: config.MODEL_DTYPE,
    device,
    hub: { endpoint: config.HF_ENDPOINT, token: config.HF_TOKEN ?? null, offline: config.HF_HUB_OFFLINE },
    onProgress: findingLog(logger),
  });
  const sessions =
    device === 'cpu' ? Math.max(1, Math.min(config.sessionLimit, Math.floor(freemem() / SESSION_BYTES))) : 1;
  const engines =
    device === 'tensorrt'
      ? await openEngines(engineFolder(join(config.MODEL_CACHE, 'tensorrt'), gpuUse), {
          slug: model.slug,
          dtype: config.MODEL_DTYPE,
          maxBatch: config.MAX_BATCH,
        })
      : null;
  const serving = engines === null || engines.complete ? device : 'cuda';
  const options = (on: typeof device) => ({
    model,
    device: on,
    sessions,
    dtype: config.MODEL_DTYPE,
    binding: bindingFor(on, config),
    gpu: { ...gpuUse, engines: engines?.folder },
    ahead: config.PREPARE_AHEAD === 'auto' ? undefined : config.PREPARE_AHEAD === 'on',
    simulatedCost: {
      batchMs: config.SIMULATED_BATCH_MS,
      rowMs: config.SIMULATED_ROW_MS,
      audioSecondMs: config.SIMULATED_AUDIO_SECOND_MS,
    },
  });
  const pool = await RecognizerPool.load(
    { ...options(serving), ...(config.MAX_BATCH === undefined ? {} : { maxBatch: config.MAX_BATCH }) },
    (fraction, text) => {
      logger.info({ fraction: Math.round(fraction * 100) / 100, step: text }, 'loading the model');
    },
  ).catch(async (error: unknown) => {
    // Engines that are there and cannot be used: the next start builds them again.
    await engines?.forget();
    throw error;
  });
  metrics.modelLoadSeconds.set((performance.now() - startedMs) / 1_000);
  return {
    pool,
    device: serving,
    successor:
      engines === null || serving === device
        ? Promise.resolve(null)
        : takeOver(pool, options(device), engines, logger).then((serves) => (serves ? device : null)),
    gpu: device === 'cpu' || gpu === null ? null : { name: gpu.name, memoryMiB: gpu.memoryMiB },
    outOfMemory: isOutOfMemory,
  };
}

const EVERY_MS = 2_000;
/** Below this a model is read faster than a line about it. */
const WORTH_TELLING_BYTES = 256 * 1024 * 1024;
const MESSAGES = {
  waiting: 'another process fetches the model',
  downloading: 'fetching the model',
  verifying: 'verifying the model',
} as const;

/** Logs how far finding a model is: when a step begins, then every two seconds, and when all is fetched. */
export function findingLog(
  logger: Logger,
  now: () => number = () => performance.now(),
): (progress: ModelProgress) => void {
  let step = '';
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  let loggedBytes = -1;
  return (progress) => {
    const { file, doneBytes, totalBytes } = progress;
    if (progress.step === 'pausing') {
      logger.warn({ reason: progress.reason }, 'fetching the model has trouble; trying again');
      return;
    }
    if (progress.step === 'verifying' && totalBytes < WORTH_TELLING_BYTES) return;
    const isLast = progress.step === 'downloading' && doneBytes === totalBytes;
    if (progress.step === step && (doneBytes === loggedBytes || (!isLast && now() - loggedAtMs < EVERY_MS))) return;
    loggedBytes = doneBytes;
    step = progress.step;
    loggedAtMs = now();
    const facts =
      totalBytes === 0
        ? {}
        : { file, percent: Math.floor((doneBytes / totalBytes) * 100), megabytes: Math.round(totalBytes / 1_000_000) };
    logger.info({ step, ...facts }, MESSAGES[progress.step]);
  };
}

/** TensorRT's engines for one card, driver and version, on disk. */
export interface Engines {
  /** Where sessions keep and find them. */
  readonly folder: string;
  /** True once every engine of the model was built: it then loads in seconds. */
  readonly complete: boolean;
  /** Notes that all are there. */
  markComplete(): Promise<void>;
  /** Notes that they are to be built again: what is there could not be used. */
  forget(): Promise<void>;
}

/** The engines in a folder, which is made. @param model everything that an engine is built for beside the card */
export async function openEngines(
  folder: string,
  { slug, dtype, maxBatch }: { readonly slug: string; readonly dtype: string; readonly maxBatch: number | undefined },
): Promise<Engines> {
  await mkdir(folder, { recursive: true });
  const mark = join(folder, `${slug}-${dtype}-${maxBatch === undefined ? 'default' : String(maxBatch)}.complete`);
  return {
    folder,
    complete: existsSync(mark),
    markComplete: () => writeFile(mark, ''),
    forget: () => rm(mark, { force: true }),
  };
}

/**
 * Builds the engines while the pool's sessions serve, and lets TensorRT take over once it is warm. Never rejects: where it fails the pool goes on as it was.
 * @returns true when TensorRT serves
 */
export async function takeOver(
  pool: Pick<RecognizerPool, 'replaceSessions'>,
  options: Omit<PoolOptions, 'maxBatch'>,
  engines: Engines,
  logger: Pick<Logger, 'info' | 'warn'>,
): Promise<boolean> {
  const began = performance.now();
  logger.info({ engines: engines.folder }, 'CUDA serves while TensorRT builds its engines, which takes minutes, once');
  try {
    await pool.replaceSessions(options, (fraction, step) => {
      logger.info({ fraction: Math.round(fraction * 100) / 100, step }, 'building engines');
    });
    await engines.markComplete();
    logger.info({ seconds: Math.round((performance.now() - began) / 1_000) }, 'TensorRT serves from here on');
    return true;
  } catch (error) {
    logger.warn(
      { reason: error instanceof Error ? error.message : String(error) },
      'TensorRT cannot take over; CUDA goes on serving',
    );
    return false;
  }
}
