import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { freePort, startRedis, startRedisCluster, startRedisSentinels } from '@murmuration/store/testing';
import { checkRedis } from './redis-check.js';
import type { Finding } from './checks.js';

const check = (url: string): Promise<Finding> => checkRedis({ REDIS_URL: url });

async function single(t: TestContext, settings: readonly string[] = []): Promise<string> {
  const server = await startRedis(settings);
  t.after(() => server.close());
  return `127.0.0.1:${String(server.port)}`;
}

describe('murmur doctor at a Redis of several servers', () => {
  test('finds the master by its Sentinels, and says which of them are away', async (t) => {
    const sentinels = await startRedisSentinels();
    t.after(() => sentinels.close());
    const well = await check(sentinels.url);
    assert.equal(well.state, 'ok', well.text);
    const master = await sentinels.master();
    assert.match(
      well.text,
      new RegExp(`^version [\\d.]+ is the master speech at 127\\.0\\.0\\.1:${String(master.port)}; 3 of 3 Sentinels`),
    );
    const gone = `127.0.0.1:${String(await freePort())}`;
    const partly = await check(sentinels.url.replace('redis+sentinel://', `redis+sentinel://${gone},`));
    assert.equal(partly.state, 'note');
    assert.match(partly.text, new RegExp(`3 of 4 Sentinels answer\\. Look after ${gone}\\.$`));
    const misnamed = await check(sentinels.url.replace('/speech', '/other'));
    assert.equal(misnamed.state, 'bad');
    assert.match(misnamed.text, /know no master called other/);
  });

  test('finds every master of a Cluster, and says when slots are not served', async (t) => {
    const cluster = await startRedisCluster();
    t.after(() => cluster.close());
    const well = await check(cluster.url);
    assert.deepEqual([well.state, /a Cluster of 3 masters; 3 of 3 nodes/.test(well.text)], ['ok', true], well.text);
    await cluster.nodes[2]?.kill();
    const down = await check(cluster.url);
    assert.equal(down.state, 'bad', down.text);
    assert.match(down.text, /nothing answers there from here|of its 16384 slots/);
  });

  test('tells a single server from Sentinels and a Cluster, and names what does not answer', async (t) => {
    const place = await single(t);
    const asCluster = await check(`redis+cluster://${place}`);
    assert.deepEqual([asCluster.state, /is in no Cluster\. Write redis:\/\//.test(asCluster.text)], ['bad', true]);
    const asSentinel = await check(`redis+sentinel://${place}/speech`);
    assert.match(asSentinel.text, /does not answer as a Sentinel does/);
    const gone = `127.0.0.1:${String(await freePort())}`;
    assert.match(
      (await check(`redis+sentinel://:canary@${gone}/speech`)).text,
      new RegExp(`^No Sentinel answers at ${gone}\\.`),
    );
    assert.match(
      (await check(`redis+cluster://:canary@${gone}`)).text,
      new RegExp(`^No node of the Cluster answers at ${gone}\\.`),
    );
    assert.match((await check('redis+sentinel://a,b')).text, /REDIS_URL.*names no master/);
  });

  test('says that a password is refused, and that a server evicts keys', async (t) => {
    const locked = await single(t, ['--requirepass', 'secret']);
    assert.match((await check(`redis://${locked}`)).text, /refuses the password/);
    assert.match((await check(`redis://:canary@${locked}`)).text, /refuses the password/);
    assert.equal((await check(`redis://:secret@${locked}`)).state, 'ok');
    const evicting = await single(t, ['--maxmemory-policy', 'allkeys-lru']);
    assert.match((await check(`redis://${evicting}`)).text, /evicts keys.*allkeys-lru/);
  });
});
