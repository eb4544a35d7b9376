import { Redis, type RedisOptions } from 'ioredis';
import { AsrError } from '@murmuration/contracts';
import type { Logger } from '@murmuration/runtime';

export type { Redis } from 'ioredis';

/** Longest wait of a door for one answer of Redis, milliseconds: within the 2 s after which a client is told. */
const DOOR_COMMAND_TIMEOUT_MS = 1_500;

const SHARED = {
  connectTimeout: 5_000,
  retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 5), 1_000),
  enableReadyCheck: true,
} satisfies RedisOptions;

/** A dead peer is noticed in this time instead of minutes (measured with dropped packets). Subscriptions may be silent for longer. */
const SOCKET_TIMEOUT_MS = 8_000;

/** A server that was demoted is asked for a new connection this often, milliseconds: the address may lead to the new primary by then. */
const READONLY_RECONNECT_MS = 1_000;

/**
 * Makes a new connection when the server has become a replica: a failover behind one address leaves the old connections where they are.
 * At most once a second, so that a server that stays read-only is no reason to spin; in between commands fail, and callers try again.
 */
function leavingReplicas(): NonNullable<RedisOptions['reconnectOnError']> {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const now = performance.now();
    if (!error.message.startsWith('READONLY') || now - lastMs < READONLY_RECONNECT_MS) return false;
    lastMs = now;
    return true;
  };
}

/** A connection that waits for Redis as long as it takes: for workers, whose work goes on when Redis is back. */
export function patientConnection(url: string, logger: Logger): Redis {
  return watched(new Redis(url, { ...SHARED, socketTimeout: SOCKET_TIMEOUT_MS, maxRetriesPerRequest: null, reconnectOnError: leavingReplicas() }), logger);
}

/** A connection that gives up quickly, so that a client hears 503 within two seconds: for doors. */
export function doorConnection(url: string, logger: Logger): Redis {
  return watched(new Redis(url, { ...SHARED, socketTimeout: SOCKET_TIMEOUT_MS, maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: DOOR_COMMAND_TIMEOUT_MS, autoResendUnfulfilledCommands: false, reconnectOnError: leavingReplicas() }), logger);
}

/** A connection for subscriptions; it subscribes again by itself after a loss. */
export function subscriberConnection(url: string, logger: Logger): Redis {
  return watched(new Redis(url, { ...SHARED, maxRetriesPerRequest: null, autoResubscribe: true }), logger);
}

function watched(redis: Redis, logger: Logger): Redis {
  let lost = false;
  redis.on('error', (error: Error) => {
    if (!lost) logger.warn({ reason: error.message }, 'the connection to Redis failed; trying again');
    lost = true;
  });
  redis.on('ready', () => {
    if (lost) logger.info('the connection to Redis is back');
    lost = false;
  });
  return redis;
}

/** Resolves when the connection is usable; throws `backend_unavailable` after `limitMs`. */
export async function whenReady(redis: Redis, limitMs: number): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const ready = (): void => { clearTimeout(timer); resolve(); };
    const timer = setTimeout(() => { redis.off('ready', ready); reject(backendUnavailable()); }, limitMs);
    redis.once('ready', ready);
  });
}

/** What a client is told when Redis does not answer. */
export function backendUnavailable(cause?: unknown): AsrError {
  return new AsrError('backend_unavailable', undefined, { retryAfterSeconds: 2, ...(cause === undefined ? {} : { cause }) });
}

/**
 * Runs a call on a door's connection; whatever Redis or the connection throws becomes `backend_unavailable`.
 * @param limitMs after which it has failed: longer for what another store takes part in
 */
export async function atDoor<T>(call: () => Promise<T>, limitMs = DOOR_COMMAND_TIMEOUT_MS + 200): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      call(),
      new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => { reject(backendUnavailable()); }, limitMs);
      }),
    ]);
  } catch (error) {
    if (error instanceof AsrError) throw error;
    throw backendUnavailable(error);
  } finally {
    clearTimeout(timer);
  }
}
