import { Redis } from 'ioredis';
import type { RedisHost, RedisSettings } from '@murmuration/runtime';
import type { Finding } from './checks.js';

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

const name = 'redis';
const SLOTS = 16_384;
const EVICTS = 'evicts keys when it is full, accepted jobs among them. Set its maxmemory-policy to noeviction.';

const bad = (text: string): Finding => ({ name, state: 'bad', text });

/** Sentinels, and the master that they name, as this machine reaches them. */
export async function checkSentinels(settings: Extract<RedisSettings, { kind: 'sentinel' }>): Promise<Finding> {
  const { sentinels, masterName, sentinelLogin, tls } = settings;
  const answers = await askAll(sentinels, { ...sentinelLogin, tls }, async (redis) => {
    const place = (await redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)) as [string, string] | null;
    return place === null ? null : { host: place[0], port: Number(place[1]) };
  });
  const fault = faultOfAll(answers, {
    one: 'Sentinel',
    password:
      'The Sentinels refuse the password. Set REDIS_SENTINEL_PASSWORD, and REDIS_SENTINEL_USERNAME where they know users.',
  });
  if (fault !== null) return fault;
  const master = valuesOf(answers).find((place) => place !== null) ?? null;
  if (master === null)
    return bad(`The Sentinels know no master called ${masterName}. Correct the name after the slash of REDIS_URL.`);
  const facts = await askServer(master, settings, factsOf);
  const place = placeOf(master);
  if (facts.state !== 'answered')
    return bad(
      faultAt(
        facts,
        `The Sentinels name ${place} as the master ${masterName}`,
        'Have it announce an address that this machine reaches (replica-announce-ip, sentinel announce-ip), or open the way.',
      ),
    );
  const { version, policy, role } = facts.value;
  if (role !== 'master')
    return bad(
      `The Sentinels name ${place} as the master, and it says that it is a replica: wait until a failover is over.`,
    );
  if (policy !== 'noeviction') return bad(`The master at ${place} ${EVICTS}`);
  return withSilent(answers, 'Sentinels', `version ${version} is the master ${masterName} at ${place}`);
}

/** A Redis Cluster, and each of its masters, as this machine reaches them. */
export async function checkCluster(settings: Extract<RedisSettings, { kind: 'cluster' }>): Promise<Finding> {
  const answers = await askAll(settings.nodes, settings, async (redis) => ({
    info: String(await redis.call('CLUSTER', 'INFO')),
    slots: (await redis.call('CLUSTER', 'SLOTS')) as [number, number, [string | null, number]][],
  }));
  const single = answers.find(
    ({ answer }) => answer.state === 'other' && /cluster support disabled/i.test(answer.words),
  );
  if (single !== undefined)
    return bad(`The server at ${placeOf(single.host)} is in no Cluster. Write redis:// in place of redis+cluster://.`);
  const fault = faultOfAll(answers, {
    one: 'node of the Cluster',
    password: 'The Cluster refuses the password. Put user and password into REDIS_URL, before the first host.',
  });
  if (fault !== null) return fault;
  const seen = answers.find(({ answer }) => answer.state === 'answered');
  if (seen?.answer.state !== 'answered') return bad('No node of the Cluster answers.');
  const { info, slots } = seen.answer.value;
  const served = Number(/^cluster_slots_ok:(\d+)/m.exec(info)?.[1] ?? 0);
  if (served < SLOTS)
    return bad(
      `The Cluster serves ${String(served)} of its ${String(SLOTS)} slots: masters are down, or slots are given to none. redis-cli --cluster check says which.`,
    );
  const masters = new Map<string, RedisHost>();
  for (const [, , [host, port]] of slots) {
    const master = { host: host === null || host === '' ? seen.host.host : host, port };
    masters.set(placeOf(master), master);
  }
  const facts = await askAll([...masters.values()], settings, factsOf);
  for (const { host, answer } of facts) {
    if (answer.state !== 'answered')
      return bad(
        faultAt(
          answer,
          `The Cluster names ${placeOf(host)}`,
          'Have its nodes announce addresses that this machine reaches (cluster-announce-ip, cluster-announce-hostname), or open the way.',
        ),
      );
    if (answer.value.policy !== 'noeviction') return bad(`The master at ${placeOf(host)} ${EVICTS}`);
  }
  const versions = [...new Set(valuesOf(facts).map(({ version }: ServerFacts) => version))].join(', ');
  return withSilent(answers, 'nodes of REDIS_URL', `version ${versions}, a Cluster of ${String(masters.size)} masters`);
}

interface Asked<T> {
  readonly host: RedisHost;
  readonly answer: Answer<T>;
}

function askAll<T>(
  hosts: readonly RedisHost[],
  approach: Approach,
  question: (redis: Redis) => Promise<T>,
): Promise<Asked<T>[]> {
  return Promise.all(hosts.map(async (host) => ({ host, answer: await askServer(host, approach, question) })));
}

function valuesOf<T>(asked: readonly Asked<T>[]): T[] {
  return asked.flatMap(({ answer }) => (answer.state === 'answered' ? [answer.value] : []));
}

/** What is wrong where none answers as it should, or null. */
function faultOfAll(
  asked: readonly Asked<unknown>[],
  words: { readonly one: string; readonly password: string },
): Finding | null {
  if (asked.some(({ answer }) => answer.state === 'answered')) return null;
  if (asked.some(({ answer }) => answer.state === 'refused')) return bad(words.password);
  const places = asked.map(({ host }) => placeOf(host)).join(', ');
  return bad(
    asked.every(({ answer }) => answer.state === 'silent')
      ? `No ${words.one} answers at ${places}. Start it, or correct REDIS_URL.`
      : `What listens at ${places} does not answer as a ${words.one} does. Check the ports, the form of REDIS_URL, and whether it wants TLS (rediss).`,
  );
}

function faultAt(answer: Exclude<Answer<unknown>, { state: 'answered' }>, named: string, unreachable: string): string {
  switch (answer.state) {
    case 'silent':
      return `${named}, and nothing answers there from here. ${unreachable}`;
    case 'refused':
      return `${named}, which refuses the password. Put user and password into REDIS_URL, before the first host.`;
    case 'other':
      return `${named}, which does not answer as Redis does. Check whether it wants TLS (rediss).`;
  }
}

/** All is well, but for those of many that do not answer. */
function withSilent(asked: readonly Asked<unknown>[], what: string, text: string): Finding {
  const silent = asked.filter(({ answer }) => answer.state !== 'answered').map(({ host }) => placeOf(host));
  const count = `${String(asked.length - silent.length)} of ${String(asked.length)} ${what} answer`;
  return silent.length === 0
    ? { name, state: 'ok', text: `${text}; ${count}` }
    : { name, state: 'note', text: `${text}; ${count}. Look after ${silent.join(', ')}.` };
}
