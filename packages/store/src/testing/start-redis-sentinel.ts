import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { startRedis, startSentinel, type TestRedis } from './start-redis.js';

/** A master, its replica and three Sentinels of a test's own. */
export interface TestRedisSentinels {
  /** Address of the master by its Sentinels, as `REDIS_URL` takes it. */
  readonly url: string;
  /** The server that the Sentinels call the master now. */
  master(): Promise<TestRedis>;
  /** Resolves when the replica has all that the master has. */
  replicated(): Promise<void>;
  /** Has the Sentinels make the replica the master, and the master a replica. */
  failOver(): Promise<void>;
  /** Freezes the master: its connections stay open and nothing answers. */
  freezeMaster(): Promise<void>;
  close(): Promise<void>;
}

const SENTINELS = 3;
const MASTER_NAME = 'speech';
/** A master that is silent for this long is replaced, milliseconds. */
const DOWN_AFTER_MS = 2_000;

/** Starts them, and waits until the Sentinels know each other and the replica. */
export async function startRedisSentinels(): Promise<TestRedisSentinels> {
  const first = await startRedis();
  const second = await startRedis(['--replicaof', '127.0.0.1', String(first.port)]);
  const dir = await mkdtemp(join(tmpdir(), 'murmuration-sentinel-'));
  const sentinels = await Promise.all(
    Array.from({ length: SENTINELS }, async (_, at) => {
      const port = await freePort();
      const file = join(dir, `${String(at)}.conf`);
      await writeFile(
        file,
        [
          `port ${String(port)}`,
          'bind 127.0.0.1',
          `dir ${dir}`,
          `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${String(first.port)} 2`,
          `sentinel down-after-milliseconds ${MASTER_NAME} ${String(DOWN_AFTER_MS)}`,
          `sentinel failover-timeout ${MASTER_NAME} 10000`,
          '',
        ].join('\n'),
      );
      return { port, end: await startSentinel(file), admin: new Redis(port, '127.0.0.1') };
    }),
  );
  const close = async (): Promise<void> => {
    for (const { admin } of sentinels) admin.disconnect();
    await Promise.all(sentinels.map(({ end }) => end()));
    await Promise.all([first.close(), second.close()]);
    await rm(dir, { recursive: true, force: true });
  };
  for (const { admin } of sentinels) {
    for (;;) {
      const fields = (await admin.call('SENTINEL', 'MASTER', MASTER_NAME)) as string[];
      const field = (name: string): string | undefined => fields[fields.indexOf(name) + 1];
      if (field('num-slaves') === '1' && field('num-other-sentinels') === String(SENTINELS - 1)) break;
      await pause(50);
    }
  }
  const master = async (): Promise<TestRedis> => {
    const [, port] = (await sentinels[0]?.admin.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME)) as [
      string,
      string,
    ];
    return Number(port) === first.port ? first : second;
  };
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${String(port)}`).join(',')}/${MASTER_NAME}`,
    master,
    replicated: async () => {
      const admin = new Redis((await master()).port, '127.0.0.1');
      for (;;) {
        const info = await admin.info('replication');
        if (/^slave0:.*,state=online,offset=(\d+),/m.exec(info)?.[1] === /^master_repl_offset:(\d+)/m.exec(info)?.[1])
          break;
        await pause(20);
      }
      admin.disconnect();
    },
    failOver: async () => {
      await sentinels[0]?.admin.call('SENTINEL', 'FAILOVER', MASTER_NAME);
    },
    freezeMaster: async () => {
      (await master()).signal('SIGSTOP');
    },
    close,
  };
}
