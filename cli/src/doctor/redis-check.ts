import { Redis } from 'ioredis';
import { runCommand } from '../../../scripts/setup/command.mjs';
import { findExecutable } from '../../../scripts/setup/executables.mjs';
import { SetupError } from '../../../scripts/setup/setup-error.mjs';
import type { Environment } from '../config.js';
import { redisEndpoint, requireRedisAt } from '../up/redis-address.js';
import type { Finding } from './finding.js';

const name = 'redis';
const ANSWER_MS = 5_000;

/** The Redis of `REDIS_URL`, else whether `murmur up` can start one of its own. */
export async function checkRedis(environment: Environment): Promise<Finding> {
  const address = environment['REDIS_URL']?.trim() ?? '';
  if (address === '') return ownRedis();
  try {
    if (redisEndpoint(address) === null)
      return { name, state: 'note', text: 'REDIS_URL names several hosts: the services check them when they start.' };
    await requireRedisAt(address);
  } catch (error) {
    if (error instanceof SetupError) return { name, state: 'bad', text: error.message };
    throw error;
  }
  return answering(address);
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

/** Asks a server that listens. Its words are not told: they may hold the address. */
async function answering(address: string): Promise<Finding> {
  const redis = new Redis(address, {
    lazyConnect: true,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    const version = /redis_version:([\d.]+)/.exec(await redis.info('server'))?.[1] ?? '';
    const policy = /maxmemory_policy:(\S+)/.exec(await redis.info('memory'))?.[1] ?? 'noeviction';
    if (policy !== 'noeviction')
      return {
        name,
        state: 'bad',
        text: `version ${version} evicts keys when it is full (maxmemory-policy ${policy}), accepted jobs among them. Set it to noeviction.`,
      };
    return { name, state: 'ok', text: `version ${version} answers at REDIS_URL` };
  } catch (error) {
    const refused = error instanceof Error && /NOAUTH|WRONGPASS|invalid password/i.test(error.message);
    return {
      name,
      state: 'bad',
      text: refused
        ? 'the server of REDIS_URL refuses the password. Put user and password into the address: redis://USER:PASSWORD@HOST:PORT.'
        : 'what listens at REDIS_URL does not answer as Redis does. Check the address and whether it wants TLS (rediss://).',
    };
  } finally {
    redis.disconnect();
  }
}
