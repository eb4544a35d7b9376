import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { startRedis, type TestRedis } from './start-redis.js';

/** A Redis Cluster of a test's own. */
export interface TestRedisCluster {
  /** Address of the Cluster, as `REDIS_URL` takes it. */
  readonly url: string;
  /** The masters in order of their slots, then the replicas. */
  readonly nodes: readonly TestRedis[];
  close(): Promise<void>;
}

const MASTERS = 3;
const SLOTS = 16_384;
/** A node that is silent for this long is replaced, milliseconds. */
const NODE_TIMEOUT_MS = 2_000;

/** Starts three masters that share the slots evenly, with some replicas, each of another master. */
export async function startRedisCluster({
  replicas = 0,
  settings = [] as readonly string[],
} = {}): Promise<TestRedisCluster> {
  const places = await Promise.all(
    Array.from({ length: MASTERS + replicas }, async () => {
      const busPort = await freePort();
      const node = await startRedis([
        '--cluster-enabled',
        'yes',
        '--cluster-port',
        String(busPort),
        '--cluster-node-timeout',
        String(NODE_TIMEOUT_MS),
        '--cluster-replica-validity-factor',
        '0',
        ...settings,
      ]);
      return { node, busPort, admin: new Redis(node.port, '127.0.0.1') };
    }),
  );
  const close = async (): Promise<void> => {
    for (const { admin } of places) admin.disconnect();
    await Promise.all(places.map(({ node }) => node.close()));
  };
  try {
    await Promise.all(
      places
        .slice(0, MASTERS)
        .map(({ admin }, at) =>
          admin.cluster(
            'ADDSLOTSRANGE',
            Math.ceil((SLOTS * at) / MASTERS),
            Math.ceil((SLOTS * (at + 1)) / MASTERS) - 1,
          ),
        ),
    );
    const [first, ...others] = places;
    for (const { node, busPort } of others) await first?.admin.call('CLUSTER', 'MEET', '127.0.0.1', node.port, busPort);
    await untilAll(places, async ({ admin }) =>
      (await admin.cluster('INFO')).includes(`cluster_known_nodes:${String(places.length)}\r`),
    );
    await Promise.all(
      places.slice(MASTERS).map(async ({ admin }, at) => {
        const id = String(await places[at]?.admin.cluster('MYID'));
        await admin.cluster('REPLICATE', id);
        await untilAll([admin], async () => (await admin.info('replication')).includes('master_link_status:up'));
      }),
    );
    await untilAll(places, async ({ admin }) => (await admin.cluster('INFO')).includes('cluster_state:ok'));
    // Every node knows every replica, so that any may vote for it.
    await untilAll(
      places,
      async ({ admin }) =>
        String(await admin.cluster('NODES'))
          .split('\n')
          .filter((line) => / (myself,)?slave /.test(line)).length === replicas,
    );
  } catch (error) {
    await close();
    throw error;
  }
  for (const { admin } of places) admin.disconnect();
  return {
    url: `redis+cluster://${places.map(({ node }) => `127.0.0.1:${String(node.port)}`).join(',')}`,
    nodes: places.map(({ node }) => node),
    close,
  };
}

async function untilAll<T>(places: readonly T[], holds: (place: T) => Promise<boolean>): Promise<void> {
  while (!(await Promise.all(places.map(holds))).every(Boolean)) await pause(50);
}
