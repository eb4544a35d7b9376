import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { accessVariables, checkAccessVariables } from '@murmuration/access';
import { jobRetentionSeconds, jobVariables } from '@murmuration/intake';
import { audioStoreSettings, audioStoreVariables, booleanVariable, hostsVariable, integerVariable, logLevelVariable, originsVariable, parseEnvironment, portVariable, redisUrlVariable } from '@murmuration/runtime';

const bytesVariable = integerVariable(1, Number.MAX_SAFE_INTEGER, 'bytes');
const waitVariable = integerVariable(1, 7 * 24 * 3_600_000, 'milliseconds');

const shape = {
  RELAY_HOST: z.string().default('127.0.0.1'),
  WS_PORT: portVariable.default(8765),
  GRPC_PORT: portVariable.default(50_051),
  /** Ports of dialects that have no path of their own; closed unless set. */
  WHISPERLIVE_PORT: portVariable.optional(),
  VOSK_PORT: portVariable.optional(),
  METRICS_HOST: z.string().default('127.0.0.1'),
  METRICS_PORT: portVariable.default(9101),
  REDIS_URL: redisUrlVariable.default('redis://127.0.0.1:6379'),
  LOG_LEVEL: logLevelVariable.default('info'),
  ...accessVariables,
  ENABLE_WEBSOCKET: booleanVariable.default(true),
  ENABLE_GRPC: booleanVariable.default(true),
  CORS_ORIGINS: originsVariable.default([]),
  /** Host names that are answered without keys beside addresses and localhost. */
  ALLOWED_HOSTS: hostsVariable.default([]),
  /** Model that serves requests that name none, and the aliases. */
  DEFAULT_MODEL: z.string().optional(),
  /** Live sessions that this relay holds at once. */
  MAX_SESSIONS: integerVariable(1, 1_000_000, 'sessions').default(1_000),
  /** How long a session is kept whose client is gone. */
  SESSION_GRACE: integerVariable(0, 24 * 3_600, 'seconds').default(60),
  /** Without audio for this long a session ends, a warning before. */
  SESSION_IDLE_TIMEOUT_MS: waitVariable.default(5 * 60_000),
  /** Without audio for this long an utterance in progress ends. */
  IDLE_ENDPOINTING_MS: waitVariable.default(1_000),
  MAX_SESSION_MS: waitVariable.default(4 * 3_600_000),
  /** A connection that has not said by then what it wants is closed. */
  START_TIMEOUT_MS: waitVariable.default(10_000),
  /** Connections are asked this often whether anybody is there. */
  PING_INTERVAL_MS: waitVariable.default(30_000),
  WORKER_WAIT_TIMEOUT_MS: waitVariable.default(60_000),
  DRAIN_TIMEOUT_MS: waitVariable.default(60_000),
  /** Threads of voice detection. */
  DETECT_THREADS: integerVariable(1, 64, 'threads').default(Math.min(2, availableParallelism())),
  /** Absolute path of ffmpeg; looked for on PATH when unset. */
  FFMPEG_PATH: z.string().optional(),
  PATH: z.string().default(''),
  MODEL_CACHE: z.string().default('.murmuration/models'),
  VAD_MODEL_PATH: z.string().optional(),
  /** Where recordings lie that gRPC calls bring, while they are worked on. */
  SPOOL_DIR: z.string().default('.murmuration/spool'),
  ...audioStoreVariables,
  ...jobVariables,
  /** A recording of a gRPC call. */
  MAX_UPLOAD_BYTES: bytesVariable.default(2 * 1024 ** 3),
  MAX_AUDIO_SECONDS: integerVariable(1, 7 * 24 * 3_600, 'seconds').default(10 * 3_600),
  MAX_AUDIO_CHANNELS: integerVariable(1, 64, 'channels').default(16),
};

export type RelayConfig = ReturnType<typeof readConfig>;

/** The service's environment, parsed once; nothing else reads it. Throws `EnvironmentError` that names what is wrong. */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env) {
  const variables = parseEnvironment(shape, environment);
  checkAccessVariables(variables, 'RELAY_HOST', variables.RELAY_HOST);
  return { ...variables, jobRetentionSeconds: jobRetentionSeconds(variables), audioStore: audioStoreSettings(variables), vadModelPath: variables.VAD_MODEL_PATH ?? join(variables.MODEL_CACHE, 'silero-vad', 'silero_vad_v6.onnx') };
}
