import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { testApp } from '../testing/test-app.js';

/** A folder with a console as the build leaves it. */
async function built(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'api-console-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'console', 'assets'), { recursive: true });
  await writeFile(join(folder, 'console', 'index.html'), '<meta content="__CSP_NONCE__"><p>console</p>');
  await writeFile(join(folder, 'console', 'assets', 'index-a1b2.js'), 'plain');
  await writeFile(join(folder, 'console', 'assets', 'index-a1b2.js.gz'), 'packed');
  await writeFile(join(folder, 'secret.js'), 'secret');
  return folder;
}

describe('The console', () => {
  test('is served at / with a strict policy, whose nonce is another each time', async (t) => {
    const { app } = await testApp(t, { WEB_DIR: await built(t) });
    const [first, second] = [await app.inject({ url: '/' }), await app.inject({ url: '/' })];
    assert.equal(first.statusCode, 200);
    assert.match(String(first.headers['content-type']), /^text\/html/);
    const nonce = /<meta content="([\w+/=]{22,})">/.exec(first.body)?.[1] ?? '';
    const policy = String(first.headers['content-security-policy']);
    assert.ok(policy.startsWith("default-src 'none'; script-src 'self'; "), policy);
    assert.ok(policy.includes(`'nonce-${nonce}'`) && !policy.includes('unsafe') && !policy.includes('http'), policy);
    assert.notEqual(first.body, second.body);
    assert.equal(first.headers['cache-control'], 'no-cache');
  });

  test('has assets that are kept for ever, packed where the browser takes that', async (t) => {
    const { app } = await testApp(t, { WEB_DIR: await built(t) });
    const ask = (url: string, accept?: string) =>
      app.inject({ url, headers: accept === undefined ? {} : { 'accept-encoding': accept } });
    const plain = await ask('/assets/index-a1b2.js');
    assert.deepEqual([plain.body, plain.headers['content-encoding']], ['plain', undefined]);
    assert.match(String(plain.headers['cache-control']), /max-age=31536000, immutable/);
    assert.match(String(plain.headers['content-type']), /^text\/javascript/);
    const packed = await ask('/assets/index-a1b2.js', 'br, gzip;q=0.8');
    assert.deepEqual([packed.body, packed.headers['content-encoding']], ['packed', 'gzip']);
    assert.equal((await ask('/assets/index-a1b2.js', 'gzip;q=0, deflate')).body, 'plain');
    for (const name of ['absent-1.js', '..%2F..%2Fsecret.js', '%2e%2e%2fsecret.js', 'index-a1b2.js.gz', '.stamp'])
      assert.equal((await ask(`/assets/${name}`)).statusCode, 404, name);
  });

  test('says how it is built where it is not, and is off with ENABLE_CONSOLE=false', async (t) => {
    const { app } = await testApp(t);
    assert.match((await app.inject({ url: '/' })).body, /is not built: npm start/);
    const off = await testApp(t, { WEB_DIR: await built(t), ENABLE_CONSOLE: 'false' });
    assert.equal((await off.app.inject({ url: '/' })).statusCode, 404);
    assert.equal((await off.app.inject({ url: '/assets/index-a1b2.js' })).statusCode, 404);
  });
});

test('GET /v1/cluster tells workers, backlog, live sessions and answer times of this moment', async (t) => {
  const { app } = await testApp(t);
  await app.inject({ url: '/v1/models' });
  const reply = await app.inject({ url: '/v1/cluster' });
  assert.equal(reply.statusCode, 200);
  const figures = reply.json<Record<string, unknown>>();
  assert.deepEqual(figures['redis'], { status: 'up', concerns: [] });
  assert.deepEqual(figures['backlog'], [{ model: 'memory', audio_seconds: 90.5, waiting: 3, active: 1 }]);
  assert.deepEqual(figures['live'], { sessions: 0, longest_lag_ms: 0 });
  const [worker] = figures['workers'] as { id: string; max_batch: number; recent_speed: number | null }[];
  assert.deepEqual([worker?.id, worker?.max_batch, worker?.recent_speed], ['w-1', 8, null]);
  const [answer] = figures['answers'] as { route: string; count: number }[];
  assert.deepEqual([answer?.route, answer?.count], ['/v1/models', 1]);
});
