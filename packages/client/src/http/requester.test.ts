import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { MurmurationError } from '../murmuration-error.js';
import { TestServer, json, refuse, type Answer } from '../testing/test-server.js';
import { Requester } from './requester.js';

function requester(baseUrl: string, retries = 3): Requester {
  return new Requester({
    baseUrl,
    apiKey: 'murm_k',
    fetch: globalThis.fetch,
    retries,
    backoff: { baseMs: 2, capMs: 8, random: Math.random },
  });
}

async function server(t: TestContext, answer: Answer): Promise<TestServer> {
  const opened = await TestServer.open(answer);
  t.after(() => opened.close());
  return opened;
}

const GET = { method: 'GET', path: '/x', retry: 'always' } as const;

describe('A requester', () => {
  test('Sends the key and the query, and gives the answer in JSON', async (t) => {
    const { url, seen } = await server(t, (_seen, response) => {
      json(response, 200, { a: 1 });
    });
    assert.deepEqual(await requester(url).json({ ...GET, query: { q: 'a b&', none: undefined, n: 3 } }), { a: 1 });
    assert.deepEqual([seen[0]?.url, seen[0]?.headers.authorization], ['/x?q=a+b%26&n=3', 'Bearer murm_k']);
  });

  test('Tells an error by its code, status, field, time and request id', async (t) => {
    const { url, seen } = await server(t, (_seen, response) => {
      refuse(response, 400, 'invalid_field', { 'x-request-id': 'r-1' }, 'language');
    });
    await assert.rejects(requester(url).json(GET), (error) => {
      assert.ok(error instanceof MurmurationError);
      assert.deepEqual(
        [error.code, error.message, error.status, error.param, error.retryAfterSeconds, error.requestId],
        ['invalid_field', 'told of invalid_field', 400, 'language', null, 'r-1'],
      );
      return true;
    });
    assert.equal(seen.length, 1);
  });

  test('Repeats what may be repeated until it succeeds, through refusals and broken connections', async (t) => {
    const { url, seen } = await server(t, (_seen, response) => {
      if (seen.length === 1) refuse(response, 503, 'backend_unavailable', { 'retry-after': '0' });
      else if (seen.length === 2) response.destroy();
      else if (seen.length === 3) refuse(response, 429, 'queue_full', { 'retry-after': new Date(0).toUTCString() });
      else json(response, 200, 'good');
    });
    assert.equal(await requester(url).json(GET), 'good');
    assert.equal(seen.length, 4);
  });

  test('Gives up after its retries, and tells the last error', async (t) => {
    const { url, seen } = await server(t, (_seen, response) => {
      refuse(response, 503, 'no_worker');
    });
    await assert.rejects(requester(url, 2).json(GET), { code: 'no_worker', status: 503 });
    assert.equal(seen.length, 3);
  });

  test('Waits as long as Retry-After says, but believes a long one and does not wait', async (t) => {
    const { url, seen } = await server(t, (_seen, response) => {
      if (seen.length === 1) refuse(response, 429, 'queue_full', { 'retry-after': '1' });
      else refuse(response, 429, 'queue_full', { 'retry-after': '61' });
    });
    const began = performance.now();
    await assert.rejects(requester(url).json(GET), { code: 'queue_full', retryAfterSeconds: 61 });
    assert.ok(performance.now() - began >= 990);
    assert.equal(seen.length, 2);
  });

  test('Repeats what may be done once only after an answer that nothing was begun', async (t) => {
    const { url, seen } = await server(t, (_seen, response) => {
      if (seen.length === 1) refuse(response, 429, 'queue_full');
      else response.destroy();
    });
    await assert.rejects(requester(url).json({ ...GET, retry: 'refused' }), { code: 'unreachable' });
    assert.equal(seen.length, 2);
    await assert.rejects(requester(url).json({ ...GET, retry: 'never' }), { code: 'unreachable' });
    assert.equal(seen.length, 3);
  });

  test('Says of an address where nothing listens that it is unreachable, and why', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        resolve();
      });
    });
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => {
      server.close(resolve);
    });
    await assert.rejects(requester(`http://127.0.0.1:${String(port)}`, 1).json(GET), (error) => {
      assert.ok(error instanceof MurmurationError);
      assert.deepEqual([error.code, error.status], ['unreachable', null]);
      assert.match(error.message, /does not answer: .*ECONNREFUSED/);
      return true;
    });
  });

  test("Says of answers that are not the server's that they are not", async (t) => {
    const { url } = await server(t, ({ url: path }, response) => {
      response.writeHead(path === '/page' ? 200 : 403).end('<html>proxy</html>');
    });
    await assert.rejects(requester(url).json({ ...GET, path: '/page' }), { code: 'bad_answer', status: 200 });
    await assert.rejects(requester(url).json(GET), { code: 'bad_answer', status: 403, message: /<html>proxy/ });
  });

  test('Does not follow redirects, for the key goes with the request', async (t) => {
    const { url, seen } = await server(t, (_seen, response) => {
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    await assert.rejects(requester(url).json({ ...GET, retry: 'never' }), { code: 'unreachable' });
    assert.equal(seen.length, 1);
  });

  test("Throws the reason of its caller's signal, before, during and between attempts", async (t) => {
    const reason = new Error('enough');
    const { url, seen } = await server(t, ({ url: path }, response) => {
      if (path === '/silent') leaving.abort(reason);
      else refuse(response, 503, 'no_worker', { 'retry-after': '30' });
    });
    let leaving = new AbortController();
    await assert.rejects(requester(url).json({ ...GET, path: '/silent', signal: leaving.signal }), reason);
    await assert.rejects(requester(url).json({ ...GET, signal: leaving.signal }), reason);
    assert.equal(seen.length, 1);
    leaving = new AbortController();
    const pausing = requester(url).json({ ...GET, signal: leaving.signal });
    while (seen.at(-1)?.url !== '/x')
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    leaving.abort(reason);
    await assert.rejects(pausing, reason);
  });

  test('Takes an attempt for lost when its answer does not come in time, and asks again', async (t) => {
    const { url, seen } = await server(t, (_seen, response) => {
      if (seen.length > 1) json(response, 200, 'late');
    });
    assert.equal(await requester(url).json({ ...GET, limitMs: 500 }), 'late');
  });
});
