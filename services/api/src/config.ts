import { z } from 'zod';
import { booleanVariable, integerVariable, parseEnvironment, portVariable } from '@murmuration/runtime';
import { bytesVariable, nodeSettings, nodeVariables, waitVariable } from '@murmuration/service';

const shape = {
  ...nodeVariables,
  API_HOST: z.string().default('127.0.0.1'),
  API_PORT: portVariable.default(8000),
  METRICS_PORT: portVariable.default(9100),
  ENABLE_REST: booleanVariable.default(true),
  /** Where WebSocket upgrades that come to the API go: `http://host:port` of a relay. */
  RELAY_URL: z
    .string()
    .refine((value) => /^https?:\/\/[^/\s?#@]+\/?$/.test(value), 'must be an http(s) address without a path')
    .optional(),
  /** The page at `/`. It needs `ENABLE_REST`. */
  ENABLE_CONSOLE: booleanVariable.default(true),
  /** Holds the script of `/redoc` and the console. */
  WEB_DIR: z.string().default('.murmuration/web'),
  /** Bound on all uploads in `SPOOL_DIR` together. */
  SPOOL_MAX_BYTES: bytesVariable.default(16 * 1024 ** 3),
  MAX_FORM_FIELDS: integerVariable(1, 1_000, 'fields').default(64),
  /** Uploads that this node works on at once. */
  MAX_ACTIVE_UPLOADS: integerVariable(1, 100_000, 'uploads').default(256),
  UPLOAD_IDLE_TIMEOUT_MS: waitVariable.default(30_000),
  UPLOAD_TOTAL_TIMEOUT_MS: waitVariable.default(2 * 3_600_000),
  SSE_HEARTBEAT_MS: waitVariable.default(10_000),
  /** A reader of events that takes nothing for this long is disconnected. */
  SSE_STALL_TIMEOUT_MS: waitVariable.default(60_000),
};

export type ApiConfig = ReturnType<typeof readConfig>;

/** The service's environment, parsed once; nothing else reads it. Throws `EnvironmentError` that names what is wrong. */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env) {
  const variables = parseEnvironment(shape, environment);
  return { ...variables, ...nodeSettings(variables, 'API_HOST', variables.API_HOST) };
}
