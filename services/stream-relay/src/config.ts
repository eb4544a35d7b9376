import { z } from 'zod';
import { booleanVariable, integerVariable, parseEnvironment, portVariable } from '@murmuration/runtime';
import { checkWyomingVariables } from '@murmuration/access';
import { nodeSettings, nodeVariables, waitVariable } from '@murmuration/service';

const shape = {
  ...nodeVariables,
  RELAY_HOST: z.string().default('127.0.0.1'),
  WS_PORT: portVariable.default(8765),
  GRPC_PORT: portVariable.default(50_051),
  /** Ports of protocols that have no path of their own; closed unless set. */
  WHISPERLIVE_PORT: portVariable.optional(),
  VOSK_PORT: portVariable.optional(),
  WYOMING_PORT: portVariable.optional(),
  /** Where Wyoming listens; `RELAY_HOST` unless set. */
  WYOMING_HOST: z.string().min(1).optional(),
  /** Its clients can show no key: true lets everybody in who reaches the port, though others are asked for keys. */
  WYOMING_WITHOUT_KEYS: booleanVariable.default(false),
  METRICS_PORT: portVariable.default(9101),
  ENABLE_GRPC: booleanVariable.default(true),
  /** Live sessions that this relay owns at once. */
  MAX_SESSIONS: integerVariable(1, 1_000_000, 'sessions').default(1_000),
  /** How long a session is kept after its client has gone. */
  SESSION_GRACE: integerVariable(0, 24 * 3_600, 'seconds').default(60),
  /** Without audio for this long a session ends, after a warning. */
  SESSION_IDLE_TIMEOUT_MS: waitVariable.default(5 * 60_000),
  /** Without audio for this long an utterance in progress ends. */
  IDLE_ENDPOINTING_MS: waitVariable.default(1_000),
  MAX_SESSION_MS: waitVariable.default(4 * 3_600_000),
  /** A connection whose first message has not come by then is closed. */
  START_TIMEOUT_MS: waitVariable.default(10_000),
  /** Interval of the pings that show whether a client is still there. */
  PING_INTERVAL_MS: waitVariable.default(30_000),
};

export type RelayConfig = ReturnType<typeof readConfig>;

/** The service's environment, parsed once; nothing else reads it. Throws `EnvironmentError` that names what is wrong. */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env) {
  const variables = parseEnvironment(shape, environment);
  const settings = nodeSettings(variables, 'RELAY_HOST', variables.RELAY_HOST);
  const { WYOMING_HOST = variables.RELAY_HOST } = variables;
  if (variables.WYOMING_PORT !== undefined) checkWyomingVariables(variables, WYOMING_HOST);
  return { ...variables, ...settings, WYOMING_HOST };
}
