import { connect as connectInClear } from 'node:net';
import { connect as connectEncrypted, type ConnectionOptions } from 'node:tls';
import { AbstractConnector, Cluster, Redis as SingleRedis, type ClusterOptions, type RedisOptions } from 'ioredis';
import { AsrError } from '@murmuration/contracts';
import { parseRedisUrl, type Logger, type RedisHost, type RedisSettings, type RedisTls } from '@murmuration/runtime';
import { leaveAlone } from '@murmuration/contracts/left-alone';

/** A connection to one server, to the master that Sentinels name, or to a Redis Cluster. */
export type Redis = SingleRedis | Cluster;

/** Settings, or an address that needs none besides. */
export type RedisAddress = RedisSettings | string;

/** Replies are as ioredis gives them by default. */
type Options = Omit<RedisOptions, 'replyMapping'>;

/** Longest wait of an API node for one answer of Redis, milliseconds: within the 2 s after which a client is told. */
const IMPATIENT_TIMEOUT_MS = 1_500;

const retryDelayMs = (times: number): number => Math.min(50 * 2 ** Math.min(times, 5), 1_000);

/** A dead peer is noticed in this time instead of minutes (measured with dropped packets). Connections that only listen ask for a sign of life. */
const SOCKET_TIMEOUT_MS = 8_000;
const SIGN_OF_LIFE_EVERY_MS = 4_000;

/** A server that was demoted is asked for a new connection this often, milliseconds: the address may lead to the new primary by then. */
const READONLY_RECONNECT_MS = 1_000;

/** A Cluster is asked this often which node serves what, milliseconds: a node that stands still tells of nothing. */
const SLOTS_EVERY_MS = 5_000;
/** Between two tries of a command that a Cluster could not serve, milliseconds. */
const CLUSTER_RETRY_MS = 200;

/**
 * Makes a new connection when the server has become a replica: a failover behind one address leaves the old connections where they are.
 * At most once a second, so that a server that stays read-only is no reason to spin; in between commands fail, and callers try again.
 */
function leavingReplicas(): NonNullable<Options['reconnectOnError']> {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const now = performance.now();
    if (!error.message.startsWith('READONLY') || now - lastMs < READONLY_RECONNECT_MS) return false;
    lastMs = now;
    return true;
  };
}

/** A connection that waits for Redis as long as it takes: for workers, whose work goes on when Redis is back. */
export function patientConnection(address: RedisAddress, logger: Logger): Redis {
  return opened(
    address,
    { maxRetriesPerRequest: null },
    { maxRedirections: Number.POSITIVE_INFINITY, retryDelayOnMoved: CLUSTER_RETRY_MS / 10 },
    logger,
  );
}

/** A connection that gives up quickly, so that a client hears 503 within two seconds: for API nodes. */
export function impatientConnection(address: RedisAddress, logger: Logger): Redis {
  return opened(
    address,
    {
      maxRetriesPerRequest: 1,
      enableOfflineQueue: false,
      commandTimeout: IMPATIENT_TIMEOUT_MS,
      autoResendUnfulfilledCommands: false,
    },
    { enableOfflineQueue: false },
    logger,
  );
}

/** A connection for subscriptions; it subscribes again by itself after a loss. In a Cluster any node hears of everything, so one at a time is listened to. */
export function subscriberConnection(address: RedisAddress, logger: Logger): SingleRedis {
  const settings = settingsOf(address);
  const options: Options = { ...sharedOptions(settings), maxRetriesPerRequest: null, autoResubscribe: true };
  const redis =
    settings.kind === 'cluster'
      ? new SingleRedis({ ...options, Connector: anyOf(settings.nodes, settings.tls) })
      : openedSingle(settings, options);
  askForLife(redis);
  watch(redis, logger);
  return redis;
}

/** The servers that hold the keys between them: for questions and orders to a server rather than to a key. Throws `backend_unavailable` while none is known. */
export function mastersOf(redis: Redis): readonly SingleRedis[] {
  const masters = redis instanceof Cluster ? redis.nodes('master') : [redis];
  if (masters.length === 0) throw backendUnavailable();
  return masters;
}

function settingsOf(address: RedisAddress): RedisSettings {
  return typeof address === 'string' ? parseRedisUrl(address) : address;
}

function sharedOptions({ username, password, tls }: RedisSettings): Options {
  return {
    connectTimeout: 5_000,
    socketTimeout: SOCKET_TIMEOUT_MS,
    enableReadyCheck: true,
    retryStrategy: retryDelayMs,
    reconnectOnError: leavingReplicas(),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(tls === null ? {} : { tls: tlsOptions(tls) }),
  };
}

function tlsOptions({ ca, client, serverName }: RedisTls): ConnectionOptions {
  return { ...(ca === null ? {} : { ca }), ...client, ...(serverName === null ? {} : { servername: serverName }) };
}

function opened(
  address: RedisAddress,
  options: Options,
  clusterOptions: Omit<ClusterOptions, 'redisOptions'>,
  logger: Logger,
): Redis {
  const settings = settingsOf(address);
  const all = { ...sharedOptions(settings), ...options };
  if (settings.kind !== 'cluster') {
    const redis = openedSingle(settings, all);
    watch(redis, logger);
    return redis;
  }
  const cluster = new Cluster([...settings.nodes], {
    clusterRetryStrategy: retryDelayMs,
    slotsRefreshInterval: SLOTS_EVERY_MS,
    slotsRefreshTimeout: SOCKET_TIMEOUT_MS / 2,
    retryDelayOnFailover: CLUSTER_RETRY_MS,
    retryDelayOnClusterDown: CLUSTER_RETRY_MS,
    retryDelayOnTryAgain: CLUSTER_RETRY_MS,
    // Certificates bear names; each connection looks its own name up.
    dnsLookup: (host, callback) => {
      callback(null, host);
    },
    ...clusterOptions,
    redisOptions: all,
  });
  watch(cluster, logger);
  watchNodes(cluster, logger);
  return cluster;
}

function openedSingle(settings: Exclude<RedisSettings, { kind: 'cluster' }>, options: Options): SingleRedis {
  const { database: db, tls } = settings;
  if (settings.kind === 'single') return new SingleRedis({ ...options, ...settings.host, db });
  const { username, password } = settings.sentinelLogin;
  const redis = new SingleRedis({
    ...options,
    db,
    name: settings.masterName,
    role: 'master',
    sentinels: [...settings.sentinels],
    sentinelRetryStrategy: retryDelayMs,
    sentinelCommandTimeout: SOCKET_TIMEOUT_MS / 2,
    ...(username === null ? {} : { sentinelUsername: username }),
    ...(password === null ? {} : { sentinelPassword: password }),
    ...(tls === null ? {} : { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(tls) }),
  });
  leaveWithMaster(redis, settings);
  return redis;
}

/**
 * Makes a new connection as soon as the Sentinels have chosen another master. The old one takes writes for 10 s more, which are lost, or stands still.
 * ioredis' own detector of failovers leaves its connections open at the end.
 */
function leaveWithMaster(
  redis: SingleRedis,
  { sentinels, sentinelLogin: { username, password }, masterName, tls }: Extract<RedisSettings, { kind: 'sentinel' }>,
): void {
  const sentinel = new SingleRedis({
    Connector: anyOf(sentinels, tls),
    retryStrategy: retryDelayMs,
    maxRetriesPerRequest: null,
    enableReadyCheck: false,
    socketTimeout: SOCKET_TIMEOUT_MS,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
  });
  // Sentinels that do not answer are told of when the master cannot be found.
  sentinel.on('error', () => undefined);
  sentinel.on('message', (_channel, message: string) => {
    if (message.split(' ')[0] === masterName) redis.disconnect(true);
  });
  sentinel.subscribe('+switch-master').catch(leaveAlone('repeated'));
  askForLife(sentinel);
  redis.once('end', () => {
    sentinel.disconnect();
  });
}

/** Finds out that a connection which only listens is dead. */
function askForLife(redis: SingleRedis): void {
  const asking = setInterval(() => {
    if (redis.status === 'ready') redis.ping().catch(leaveAlone('repeated'));
  }, SIGN_OF_LIFE_EVERY_MS);
  asking.unref();
  redis.once('end', () => {
    clearInterval(asking);
  });
}

/** Goes on to the next of some nodes with every connection. */
function anyOf(nodes: readonly RedisHost[], tls: RedisTls | null): NonNullable<Options['Connector']> {
  let next = Math.floor(Math.random() * nodes.length);
  return class extends AbstractConnector {
    constructor() {
      super(SOCKET_TIMEOUT_MS / 4);
    }

    override connect(): Promise<ReturnType<typeof connectInClear>> {
      this.connecting = true;
      const node = nodes[next % nodes.length];
      next++;
      const stream =
        tls === null
          ? connectInClear({ ...node, port: node?.port ?? 0 })
          : connectEncrypted({ ...node, ...tlsOptions(tls) });
      stream.once('error', (error: Error) => {
        this.firstError = error;
      });
      this.stream = stream;
      return Promise.resolve(stream);
    }
  };
}

/** One line when a connection is lost and one when it is back, however often it is tried. */
function watch(redis: Redis, logger: Logger): void {
  let lost = false;
  redis.on('error', (error: Error & { lastNodeError?: Error | null }) => {
    if (!lost)
      logger.warn(
        { reason: error.lastNodeError?.message ?? error.message },
        'the connection to Redis failed; trying again',
      );
    lost = true;
  });
  redis.on('ready', () => {
    if (lost) logger.info('the connection to Redis is back');
    lost = false;
  });
}

/** As `watch`, of each node of a Cluster. */
function watchNodes(cluster: Cluster, logger: Logger): void {
  const lost = new Set<string>();
  cluster.on('node error', (error: Error, node: string) => {
    if (!lost.has(node))
      logger.warn({ node, reason: error.message }, 'a node of the Redis Cluster failed; trying again');
    lost.add(node);
  });
  cluster.on('+node', (redis: SingleRedis) => {
    const node = `${String(redis.options.host)}:${String(redis.options.port)}`;
    redis.on('ready', () => {
      if (lost.delete(node)) logger.info({ node }, 'a node of the Redis Cluster is back');
    });
  });
}

/** Resolves when the connection is usable; throws `backend_unavailable` after `limitMs`. */
export async function whenReady(redis: Redis, limitMs: number): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const ready = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      redis.off('ready', ready);
      reject(backendUnavailable());
    }, limitMs);
    redis.once('ready', ready);
  });
}

/** What a client is told when Redis does not answer. */
export function backendUnavailable(cause?: unknown): AsrError {
  return new AsrError('backend_unavailable', undefined, cause === undefined ? {} : { cause });
}

/**
 * Runs a call on an API node's connection; whatever Redis or the connection throws becomes `backend_unavailable`.
 * @param limitMs after which it has failed: longer for what another store takes part in
 */
export async function storeCall<T>(call: () => Promise<T>, limitMs = IMPATIENT_TIMEOUT_MS + 200): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      call(),
      new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => {
          reject(backendUnavailable());
        }, limitMs);
      }),
    ]);
  } catch (error) {
    if (error instanceof AsrError) throw error;
    throw backendUnavailable(error);
  } finally {
    clearTimeout(timer);
  }
}
