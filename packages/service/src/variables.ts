import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { accessVariables, checkAccessVariables } from '@murmuration/access';
import { jobRetentionSeconds, jobVariables } from '@murmuration/transcribe';
import {
  audioStoreSettings,
  audioStoreVariables,
  booleanVariable,
  hostsVariable,
  integerVariable,
  logLevelVariable,
  originsVariable,
  redisSettings,
  redisVariables,
  tracingVariables,
  type parseEnvironment,
} from '@murmuration/runtime';

/** A size. */
export const bytesVariable = integerVariable(1, Number.MAX_SAFE_INTEGER, 'bytes');
/** A bound on a wait, up to a week. */
export const waitVariable = integerVariable(1, 7 * 24 * 3_600_000, 'milliseconds');

/** Names with commas between. */
const namesVariable = z.string().transform((text) =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== ''),
);

/** The variables of every service that clients talk to; a service adds its own ones and `METRICS_PORT`'s default. */
export const nodeVariables = {
  METRICS_HOST: z.string().default('127.0.0.1'),
  ...redisVariables,
  LOG_LEVEL: logLevelVariable.default('info'),
  ...tracingVariables,
  ...accessVariables,
  ENABLE_WEBSOCKET: booleanVariable.default(true),
  CORS_ORIGINS: originsVariable.default([]),
  /** Host names that are served without keys, besides addresses and localhost. */
  ALLOWED_HOSTS: hostsVariable.default([]),
  /** Model that serves the aliases and requests that name no model. */
  DEFAULT_MODEL: z.string().optional(),
  /** Ids of models without workers whose workers come when there is work for them, as a scaler from zero sees to. */
  WAKEABLE_MODELS: namesVariable.default([]),
  /** Threads of voice detection. */
  DETECT_THREADS: integerVariable(1, 64, 'threads').default(Math.min(2, availableParallelism())),
  /** Absolute path of ffmpeg; looked for on PATH when unset. */
  FFMPEG_PATH: z.string().optional(),
  PATH: z.string().default(''),
  MODEL_CACHE: z.string().default('.murmuration/models'),
  VAD_MODEL_PATH: z.string().optional(),
  /** Directory of recordings that are being worked on. */
  SPOOL_DIR: z.string().default('.murmuration/spool'),
  ...audioStoreVariables,
  MAX_UPLOAD_BYTES: bytesVariable.default(2 * 1024 ** 3),
  MAX_AUDIO_SECONDS: integerVariable(1, 7 * 24 * 3_600, 'seconds').default(10 * 3_600),
  MAX_AUDIO_CHANNELS: integerVariable(1, 64, 'channels').default(16),
  WORKER_WAIT_TIMEOUT_MS: waitVariable.default(60_000),
  ...jobVariables,
  DRAIN_TIMEOUT_MS: waitVariable.default(60_000),
};

type NodeVariables = ReturnType<typeof parseEnvironment<typeof nodeVariables>> & { readonly METRICS_PORT: number };

/** The part of a service's configuration that starting a node reads. */
export type NodeConfig = NodeVariables & ReturnType<typeof nodeSettings>;

/**
 * What follows from several variables together.
 * @param hostVariable name of the variable with the address that clients reach @param host that address
 * Throws `EnvironmentError` when variables contradict each other, or would let other machines in without a word.
 */
export function nodeSettings(variables: NodeVariables, hostVariable: string, host: string) {
  checkAccessVariables(variables, hostVariable, host);
  return {
    jobRetentionSeconds: jobRetentionSeconds(variables),
    redis: redisSettings(variables),
    audioStore: audioStoreSettings(variables),
    vadModelPath: variables.VAD_MODEL_PATH ?? join(variables.MODEL_CACHE, 'silero-vad', 'silero_vad_v6.onnx'),
  };
}
