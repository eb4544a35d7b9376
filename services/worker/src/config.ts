import { z } from 'zod';
import { availableParallelism } from 'node:os';
import {
  audioStoreSettings,
  audioStoreVariables,
  booleanVariable,
  hostsVariable,
  integerVariable,
  logLevelVariable,
  parseEnvironment,
  portVariable,
  redisSettings,
  redisVariables,
  tracingVariables,
} from '@murmuration/runtime';

const millisecondsVariable = z.coerce.number({ error: 'must be a number of milliseconds' }).min(0).max(60_000);

const shape = {
  ...redisVariables,
  /** A model's name or a folder. */
  MODEL_PATH: z.string().default('moonshine-tiny'),
  MODEL_DTYPE: z.enum(['auto', 'fp32', 'fp16', 'int8'], { error: 'must be auto, fp32, fp16 or int8' }).default('auto'),
  DEVICE: z
    .enum(['auto', 'cpu', 'cuda', 'tensorrt', 'webgpu', 'simulated'], {
      error: 'must be auto, cpu, cuda, tensorrt, webgpu or simulated',
    })
    .default('auto'),
  /** How the runtime of the models is reached: by its npm package, or by the C interface of the library in it. */
  ONNX_BINDING: z.enum(['auto', 'node', 'native'], { error: 'must be auto, node or native' }).default('auto'),
  /** Folder with the CUDA provider and its libraries. */
  GPU_LIBRARIES: z.string().default('.murmuration/gpu'),
  /** Most memory of the card that a session sets aside. */
  GPU_MEMORY_MIB: integerVariable(256, 1_048_576, 'MiB').optional(),
  /** NVIDIA's own: 0 forbids TF32. */
  NVIDIA_TF32_OVERRIDE: z.enum(['0', '1'], { error: 'must be 0 or 1' }).optional(),
  ALLOW_CPU_FALLBACK: booleanVariable.default(false),
  MODEL_CACHE: z.string().default('.murmuration/models'),
  HF_ENDPOINT: z.url({ protocol: /^https?$/, error: 'must be an http(s) address' }).default('https://huggingface.co'),
  HF_HUB_OFFLINE: booleanVariable.default(false),
  HF_TOKEN: z.string().optional(),
  /** Bounds the single-threaded sessions on a CPU. */
  OMP_NUM_THREADS: integerVariable(1, 1_024).optional(),
  CUDA_VISIBLE_DEVICES: z.string().optional(),
  /** Whether the next batch is made ready while one is decoded; auto: on a graphics card. */
  PREPARE_AHEAD: z.enum(['auto', 'on', 'off'], { error: 'must be auto, on or off' }).default('auto'),
  /** Largest batch; warmed at the start. */
  MAX_BATCH: integerVariable(1, 256).optional(),
  /** Bound on a batch's predicted run while live or interactive work waits. */
  MAX_BATCH_MS: integerVariable(1, 60_000, 'milliseconds').default(250),
  /** What a batch of the simulated device costs, milliseconds: by itself, a row, a second of padded audio of a row. */
  SIMULATED_BATCH_MS: millisecondsVariable.default(10),
  SIMULATED_ROW_MS: millisecondsVariable.default(0.01),
  SIMULATED_AUDIO_SECOND_MS: millisecondsVariable.default(0.2),
  /** Host names that the port of metrics answers beside addresses and localhost. */
  ALLOWED_HOSTS: hostsVariable.default([]),
  METRICS_HOST: z.string().default('127.0.0.1'),
  METRICS_PORT: portVariable.default(9102),
  /** Longest orderly end. */
  DRAIN_TIMEOUT_MS: integerVariable(1_000, 3_600_000, 'milliseconds').default(60_000),
  ...audioStoreVariables,
  LOG_LEVEL: logLevelVariable.default('info'),
  ...tracingVariables,
};

export type WorkerConfig = ReturnType<typeof readConfig>;

/** The worker's environment, parsed once. Throws `EnvironmentError` naming what is wrong. */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env) {
  const variables = parseEnvironment(shape, environment);
  return {
    ...variables,
    redis: redisSettings(variables),
    audioStore: audioStoreSettings(variables),
    sessionLimit: variables.OMP_NUM_THREADS ?? availableParallelism(),
  };
}
