import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { booleanVariable, parseEnvironment } from '@murmuration/runtime';
import { z } from 'zod';

/** Where relative folders count from, as for `npm start`: the checkout. */
const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));

const shape = {
  MODEL_CACHE: z
    .string()
    .default('.murmuration/models')
    .transform((folder) => resolve(CHECKOUT, folder)),
  HF_ENDPOINT: z.url({ protocol: /^https?$/, error: 'must be an http(s) address' }).default('https://huggingface.co'),
  HF_HUB_OFFLINE: booleanVariable.default(false),
  HF_TOKEN: z.string().optional(),
  GPU_LIBRARIES: z
    .string()
    .default('.murmuration/gpu')
    .transform((folder) => resolve(CHECKOUT, folder)),
  PIP_INDEX_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
    .default('https://pypi.org/simple'),
  API_KEYS_FILE: z
    .string()
    .transform((file) => resolve(CHECKOUT, file))
    .optional(),
  MURMUR_URL: z.url({ protocol: /^https?$/, error: 'must be an http(s) address' }).default('http://127.0.0.1:8000'),
  MURMUR_API_KEY: z.string().min(1).optional(),
};

/** Variables as they are. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type CliConfig = ReturnType<typeof readConfig>;

/** The command line's environment, parsed once. Throws `EnvironmentError` naming what is wrong. */
export function readConfig(environment: Environment) {
  return parseEnvironment(shape, environment);
}

/** All variables as they are. */
export function readEnvironment(): Environment {
  return process.env;
}
