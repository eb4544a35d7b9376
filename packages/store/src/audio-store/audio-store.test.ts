import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { createLogger, type AudioStoreSettings } from '@murmuration/runtime';
import { patientConnection, type Redis } from '../connections.js';
import { AUDIO_STORE_KEYS, jobKeys } from '../keys.js';
import { startRedis, type TestRedis } from '../testing/start-redis.js';
import { startS3, type TestS3 } from '../testing/start-s3.js';
import { type AudioStore, OrphanSweep } from './audio-store.js';
import { openAudioStore } from './open-audio-store.js';

const logger = createLogger({ service: 'test', level: 'silent' });
const LIFE_MS = 60_000;
const connect = (url: string): Redis => patientConnection(url, logger);
const nobody = (): Promise<boolean> => Promise.resolve(false);
let server: TestRedis;
let redis: Redis;
let s3: TestS3;
let dir: string;

before(async () => {
  server = await startRedis();
  redis = patientConnection(server.url, logger);
  s3 = await startS3();
  dir = await mkdtemp(join(tmpdir(), 'murmuration-audio-'));
});

after(async () => {
  await redis.quit();
  await server.close();
  await s3.close();
  await rm(dir, { recursive: true });
});

function bytes(length: number, seed: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * seed + (i >> 7)) & 255));
}

const kinds: readonly {
  readonly kind: AudioStoreSettings['kind'];
  readonly settings: () => AudioStoreSettings;
  readonly expires: boolean;
}[] = [
  { kind: 'redis', settings: () => ({ kind: 'redis', url: server.url, budgetBytes: 1_000_000_000 }), expires: true },
  { kind: 'directory', settings: () => ({ kind: 'directory', budgetBytes: 1_000_000_000, dir }), expires: false },
  { kind: 's3', settings: () => s3.settings, expires: false },
];

for (const { kind, settings, expires } of kinds) {
  describe(`The audio store of kind ${kind}`, () => {
    let store: AudioStore;
    let other: AudioStore;
    before(async () => {
      // Each kind is that of a cluster of its own.
      await redis.del(AUDIO_STORE_KEYS.store, AUDIO_STORE_KEYS.seen);
      store = await openAudioStore(settings(), redis, connect);
      other = await openAudioStore(settings(), redis, connect);
    });
    after(() => {
      store.close();
      other.close();
    });

    test('gives back what was put, from another process too, compressed or not, of any length', async () => {
      for (const [index, length] of [0, 2, 333, 64_000, 2_000_000].entries()) {
        for (const compress of [false, true]) {
          const pcm = bytes(length, 3 + index);
          await store.put('lengths', index, pcm, LIFE_MS, { compress });
          assert.deepEqual(await other.get('lengths', index), pcm);
        }
      }
      await store.deleteAll('lengths');
    });

    test('keeps its own copy, gives each reader one, and takes views into larger buffers', async () => {
      const whole = bytes(1_001, 5);
      const view = whole.subarray(101, 901);
      const put = store.put('copies', 0, view, LIFE_MS);
      const expected = Buffer.from(view);
      await put;
      whole.fill(0);
      const first = await store.get('copies', 0);
      assert.deepEqual(first, expected);
      first.fill(0);
      assert.deepEqual(await store.get('copies', 0), expected);
      await store.deleteAll('copies');
    });

    test('overwrites, and tells nothing apart from gone', async () => {
      await store.put('again', 3, bytes(500, 1), LIFE_MS);
      await store.put('again', 3, bytes(200, 2), LIFE_MS, { compress: true });
      assert.deepEqual(await store.get('again', 3), bytes(200, 2));
      assert.equal(await store.get('again', 4), null);
      assert.equal(await store.get('absent', 0), null);
      await store.delete('again', 3);
      assert.equal(await store.get('again', 3), null);
      await store.delete('again', 3);
      await store.delete('absent', 0);
      await store.deleteAll('absent');
      await store.keep('absent', LIFE_MS);
      assert.equal(await store.get('absent', 0), null);
    });

    test('takes away a whole job and nothing of jobs whose names begin alike', async () => {
      for (const job of ['job-1', 'job-10', 'job-1.x']) {
        for (let index = 0; index < 12; index++) await store.put(job, index, bytes(100, index), LIFE_MS);
      }
      await store.delete('job-1', 1);
      assert.deepEqual(await store.get('job-1', 10), bytes(100, 10));
      await store.deleteAll('job-1');
      for (let index = 0; index < 12; index++) {
        assert.equal(await store.get('job-1', index), null);
        assert.deepEqual(await store.get('job-10', index), bytes(100, index));
        assert.deepEqual(await store.get('job-1.x', index), bytes(100, index));
      }
      await store.deleteAll('job-10');
      await store.deleteAll('job-1.x');
    });

    test('takes many chunks at once', async () => {
      await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          store.put('many', index, bytes(2_000, index), LIFE_MS, { compress: index % 2 === 0 }),
        ),
      );
      const read = await Promise.all(Array.from({ length: 100 }, (_, index) => other.get('many', index)));
      assert.ok(read.every((pcm, index) => pcm?.equals(bytes(2_000, index))));
      await store.deleteAll('many');
    });

    test('refuses names that lead elsewhere', async () => {
      for (const job of ['..', '.', '../x', 'a/b', '', '.hidden', 'a\0', 'a'.repeat(129)]) {
        await assert.rejects(store.put(job, 0, bytes(2, 1), LIFE_MS), RangeError, job);
        await assert.rejects(store.get(job, 0), RangeError);
        await assert.rejects(store.deleteAll(job), RangeError);
      }
      for (const index of [-1, 0.5, Number.NaN])
        await assert.rejects(store.put('job', index, bytes(2, 1), LIFE_MS), RangeError);
    });

    test('admits work while there is room, and none while Redis is nearly full', async () => {
      assert.equal(await store.hasRoom(), true);
      const limit = String((await redis.config('GET', 'maxmemory'))[1]);
      await redis.config('SET', 'maxmemory', '1000000');
      try {
        const fresh = await openAudioStore(settings(), redis, connect);
        assert.equal(await fresh.hasRoom(), false);
        fresh.close();
      } finally {
        await redis.config('SET', 'maxmemory', limit);
      }
    });

    test('lets audio go that nobody keeps', async () => {
      await store.put('kept', 0, bytes(10, 1), LIFE_MS);
      await store.put('orphan', 0, bytes(10, 2), 1);
      await store.put('alive', 0, bytes(10, 3), LIFE_MS);
      if (expires) {
        while ((await store.get('orphan', 0)) !== null)
          await new Promise((resolve) => {
            setTimeout(resolve, 1);
          });
        await store.keep('kept', LIFE_MS * 2);
        assert.ok((await redis.pttl(jobKeys('kept').pcm)) > LIFE_MS);
        assert.equal(await store.sweep(0, nobody), 0);
      } else {
        assert.equal(await store.sweep(3_600_000, nobody), 0, 'all of it is young');
        assert.deepEqual(await store.get('orphan', 0), bytes(10, 2));
        assert.equal(await store.sweep(-60_000, (job) => Promise.resolve(job !== 'orphan')), 1);
        await assert.rejects(
          store.sweep(-60_000, () => Promise.reject(new Error('no Redis'))),
          /no Redis/,
        );
      }
      assert.equal(await store.get('orphan', 0), null);
      assert.deepEqual(await store.get('kept', 0), bytes(10, 1));
      assert.deepEqual(await store.get('alive', 0), bytes(10, 3));
      for (const job of ['kept', 'alive']) await store.deleteAll(job);
    });

    test(
      'is swept of what belongs to no job in Redis, and keeps the rest',
      { skip: expires && 'Redis forgets by itself' },
      async () => {
        await redis.hset(jobKeys('here').job, 'state', 'running');
        await store.put('here', 0, bytes(10, 1), LIFE_MS);
        await store.put('gone', 0, bytes(10, 2), LIFE_MS);
        const sweep = new OrphanSweep(store, redis, logger, { everyMs: 5, idleMs: -60_000 });
        // The timer holds no process; this wait does.
        while ((await store.get('gone', 0)) !== null)
          await new Promise((resolve) => {
            setTimeout(resolve, 5);
          });
        await sweep.close();
        assert.deepEqual(await store.get('here', 0), bytes(10, 1));
        await store.deleteAll('here');
        await redis.del(jobKeys('here').job);
      },
    );
  });
}

test('A folder that cannot be made stops the start and names its variable', async () => {
  await assert.rejects(
    openAudioStore({ kind: 'directory', budgetBytes: 1, dir: join('/dev/null', 'audio') }, redis, connect),
    /AUDIO_STORE_DIR/,
  );
});

test("A Redis that is full is told as storage_full, and its room counts beside that of the cluster's Redis", async () => {
  const full = await startRedis(['--maxmemory', '8mb']);
  await redis.del(AUDIO_STORE_KEYS.store, AUDIO_STORE_KEYS.seen);
  const store = await openAudioStore({ kind: 'redis', url: full.url, budgetBytes: 1 }, redis, connect);
  try {
    const fill = async (): Promise<void> => {
      for (let index = 0; ; index++) await store.put('job', index, bytes(200_000, 1), LIFE_MS);
    };
    await assert.rejects(fill(), (error) => error instanceof AsrError && error.code === 'storage_full');
    assert.equal(await store.hasRoom(), false);
    await store.deleteAll('job');
    while (!(await store.hasRoom()))
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    await store.put('job', 0, bytes(2_000, 1), LIFE_MS);
  } finally {
    store.close();
    await full.close();
  }
});

test('Storage that refuses or is not there is a fault, not an absence', async () => {
  await redis.del(AUDIO_STORE_KEYS.store, AUDIO_STORE_KEYS.seen);
  const stores = [
    await openAudioStore({ ...s3.settings, bucket: 'no-such-bucket' }, redis, connect),
    await openAudioStore({ ...s3.settings, endpoint: 'http://127.0.0.1:1' }, redis, connect),
  ];
  for (const store of stores) {
    await assert.rejects(store.get('job', 0));
    await assert.rejects(store.put('job', 0, bytes(2, 1), LIFE_MS));
    store.close();
  }
});
