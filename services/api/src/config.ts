import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { accessVariables, checkAccessVariables } from '@murmuration/access';
import { jobRetentionSeconds, jobVariables } from '@murmuration/intake';
import { audioStoreSettings, audioStoreVariables, booleanVariable, hostsVariable, integerVariable, logLevelVariable, originsVariable, parseEnvironment, portVariable, redisUrlVariable } from '@murmuration/runtime';

const bytesVariable = integerVariable(1, Number.MAX_SAFE_INTEGER, 'bytes');
const waitVariable = integerVariable(1, 7 * 24 * 3_600_000, 'milliseconds');

const shape = {
  API_HOST: z.string().default('127.0.0.1'),
  API_PORT: portVariable.default(8000),
  METRICS_HOST: z.string().default('127.0.0.1'),
  METRICS_PORT: portVariable.default(9100),
  REDIS_URL: redisUrlVariable.default('redis://127.0.0.1:6379'),
  LOG_LEVEL: logLevelVariable.default('info'),
  ...accessVariables,
  ENABLE_REST: booleanVariable.default(true),
  ENABLE_WEBSOCKET: booleanVariable.default(true),
  /** Where WebSocket upgrades go that come to this door: `http://host:port` of a relay. */
  RELAY_URL: z.string().refine((value) => /^https?:\/\/[^/\s?#@]+\/?$/.test(value), 'must be an http(s) address without a path').optional(),
  CORS_ORIGINS: originsVariable.default([]),
  /** Host names that are answered without keys beside addresses and localhost. */
  ALLOWED_HOSTS: hostsVariable.default([]),
  /** Model that serves requests that name none, and the aliases. */
  DEFAULT_MODEL: z.string().optional(),
  /** Threads of voice detection. */
  DETECT_THREADS: integerVariable(1, 64, 'threads').default(Math.min(2, availableParallelism())),
  /** Absolute path of ffmpeg; looked for on PATH when unset. */
  FFMPEG_PATH: z.string().optional(),
  PATH: z.string().default(''),
  MODEL_CACHE: z.string().default('.murmuration/models'),
  VAD_MODEL_PATH: z.string().optional(),
  /** Holds the script of `/redoc`. */
  WEB_DIR: z.string().default('.murmuration/web'),
  /** Where uploads lie while they are worked on. */
  SPOOL_DIR: z.string().default('.murmuration/spool'),
  /** All uploads that lie there together. */
  SPOOL_MAX_BYTES: bytesVariable.default(16 * 1024 ** 3),
  ...audioStoreVariables,
  MAX_UPLOAD_BYTES: bytesVariable.default(2 * 1024 ** 3),
  MAX_AUDIO_SECONDS: integerVariable(1, 7 * 24 * 3_600, 'seconds').default(10 * 3_600),
  MAX_AUDIO_CHANNELS: integerVariable(1, 64, 'channels').default(16),
  MAX_FORM_FIELDS: integerVariable(1, 1_000, 'fields').default(64),
  /** Uploads worked on at once by this node. */
  MAX_ACTIVE_UPLOADS: integerVariable(1, 100_000, 'uploads').default(256),
  UPLOAD_IDLE_TIMEOUT_MS: waitVariable.default(30_000),
  UPLOAD_TOTAL_TIMEOUT_MS: waitVariable.default(2 * 3_600_000),
  WORKER_WAIT_TIMEOUT_MS: waitVariable.default(60_000),
  ...jobVariables,
  SSE_HEARTBEAT_MS: waitVariable.default(10_000),
  /** A reader of events that takes nothing for this long is let go. */
  SSE_STALL_TIMEOUT_MS: waitVariable.default(60_000),
  DRAIN_TIMEOUT_MS: waitVariable.default(60_000),
};

export type ApiConfig = ReturnType<typeof readConfig>;

/** The service's environment, parsed once; nothing else reads it. Throws `EnvironmentError` that names what is wrong. */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env) {
  const variables = parseEnvironment(shape, environment);
  checkAccessVariables(variables, 'API_HOST', variables.API_HOST);
  return { ...variables, jobRetentionSeconds: jobRetentionSeconds(variables), audioStore: audioStoreSettings(variables), vadModelPath: variables.VAD_MODEL_PATH ?? join(variables.MODEL_CACHE, 'silero-vad', 'silero_vad_v6.onnx') };
}
