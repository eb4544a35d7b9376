import { Redis } from 'ioredis';
import type { RedisHost, RedisSettings } from '@murmuration/runtime';

const ANSWER_MS = 5_000;

/** Who asks, and how the connection is encrypted. */
export interface Approach {
  readonly username: string | null;
  readonly password: string | null;
  readonly tls: RedisSettings['tls'];
}

/** What came of a question. `silent`: nothing listens; `refused`: the password; `other`: something answers, and not as was expected. */
export type Answer<T> =
  | { readonly state: 'answered'; readonly value: T }
  | { readonly state: 'silent' | 'refused' }
  /** Its words, which may hold addresses: not to be told. */
  | { readonly state: 'other'; readonly words: string };

/** Asks one server; throws nothing. */
export async function askServer<T>(
  { host, port }: RedisHost,
  { username, password, tls }: Approach,
  question: (redis: Redis) => Promise<T>,
): Promise<Answer<T>> {
  const redis = new Redis({
    host,
    port,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(tls === null
      ? {}
      : {
          tls: {
            ...(tls.ca === null ? {} : { ca: tls.ca }),
            ...tls.client,
            ...(tls.serverName === null ? {} : { servername: tls.serverName }),
          },
        }),
    lazyConnect: true,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    enableReadyCheck: false,
  });
  const told: Error[] = [];
  redis.on('error', (error: Error) => told.push(error));
  try {
    await redis.connect();
    return { state: 'answered', value: await question(redis) };
  } catch (error) {
    if (error instanceof Error) told.push(error);
    const words = told.map(({ message }) => message).join(' ');
    if (/NOAUTH|WRONGPASS|invalid password|called without any password/i.test(words)) return { state: 'refused' };
    return /ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN/.test(words)
      ? { state: 'silent' }
      : { state: 'other', words };
  } finally {
    redis.disconnect();
  }
}

/** What a server says of itself. */
export interface ServerFacts {
  readonly version: string;
  /** `maxmemory-policy`; anything but `noeviction` loses accepted jobs. */
  readonly policy: string;
  readonly role: string;
}

export async function factsOf(redis: Redis): Promise<ServerFacts> {
  const info = (await Promise.all(['server', 'memory', 'replication'].map((section) => redis.info(section)))).join(
    '\n',
  );
  const field = (name: string): string | undefined => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
  const version = field('redis_version');
  if (version === undefined) throw new Error('no version');
  return { version, policy: field('maxmemory_policy') ?? 'noeviction', role: field('role') ?? 'master' };
}

/** `host:port` as people write it. */
export function placeOf({ host, port }: RedisHost): string {
  return `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}
