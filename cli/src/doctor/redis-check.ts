import { EnvironmentError, parseEnvironment, redisSettings, redisVariables } from '@murmuration/runtime';
import { runCommand } from '../../../scripts/setup/command.mjs';
import { findExecutable } from '../../../scripts/setup/executables.mjs';
import { SetupError } from '../../../scripts/setup/setup-error.mjs';
import type { Environment } from '../config.js';
import { redisEndpoint } from '../up/addresses.js';
import type { Finding } from './checks.js';
import { askServer, factsOf, placeOf, checkCluster, checkSentinels } from './redis-server.js';

const name = 'redis';
const ANSWER_MS = 5_000;

/** The Redis of `REDIS_URL`, else whether `murmur up` can start one of its own. */
export async function checkRedis(environment: Environment): Promise<Finding> {
  const address = environment['REDIS_URL']?.trim() ?? '';
  if (address === '') return ownRedis();
  try {
    redisEndpoint(address);
    const settings = redisSettings(parseEnvironment(redisVariables, { ...environment, REDIS_URL: address }));
    switch (settings.kind) {
      case 'sentinel':
        return await checkSentinels(settings);
      case 'cluster':
        return await checkCluster(settings);
      case 'single':
        return await checkSingle(settings);
    }
  } catch (error) {
    if (error instanceof SetupError || error instanceof EnvironmentError)
      return { name, state: 'bad', text: error.message };
    throw error;
  }
}

async function ownRedis(): Promise<Finding> {
  const path = findExecutable(['valkey-server', 'redis-server']);
  if (path === null)
    return {
      name,
      state: 'bad',
      text: 'no valkey-server or redis-server on the PATH. Install one (for example: apt install redis-server), or set REDIS_URL.',
    };
  const { stdout } = await runCommand(path, ['--version'], { timeoutMs: ANSWER_MS });
  const version = /\bv=([\d.]+)/.exec(stdout)?.[1] ?? 'of an unknown version';
  return { name, state: 'ok', text: `${path} ${version}; murmur up starts its own` };
}

async function checkSingle(settings: Extract<ReturnType<typeof redisSettings>, { kind: 'single' }>): Promise<Finding> {
  const answer = await askServer(settings.host, settings, factsOf);
  switch (answer.state) {
    case 'answered': {
      const { version, policy } = answer.value;
      if (policy !== 'noeviction')
        return {
          name,
          state: 'bad',
          text: `version ${version} evicts keys when it is full (maxmemory-policy ${policy}), accepted jobs among them. Set it to noeviction.`,
        };
      return { name, state: 'ok', text: `version ${version} answers at REDIS_URL` };
    }
    case 'silent':
      return {
        name,
        state: 'bad',
        text: `No Redis answers at ${placeOf(settings.host)}. Start it, set REDIS_URL to another one, or leave REDIS_URL and --no-redis out: then one is started for you.`,
      };
    case 'refused':
      return {
        name,
        state: 'bad',
        text: 'the server of REDIS_URL refuses the password. Put user and password into the address: redis://USER:PASSWORD@HOST:PORT.',
      };
    case 'other':
      return {
        name,
        state: 'bad',
        text: 'what listens at REDIS_URL does not answer as Redis does. Check the address and whether it wants TLS (rediss://).',
      };
  }
}
