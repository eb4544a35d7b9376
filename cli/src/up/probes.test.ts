import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { freePort } from './ports.js';
import { describeReadiness, probeService } from './service.js';

test('What is not ready yet is told in words', () => {
  const answer = JSON.stringify({
    status: 'fail',
    checks: { model: { status: 'fail', output: 'loading' }, redis: { status: 'pass', output: 'ready' } },
  });
  assert.equal(describeReadiness(answer), 'model: loading');
  assert.equal(describeReadiness('gateway error'), 'not ready');
});

test('A service is ready when its probe answers 200, and silent when nothing listens', async () => {
  let status = 503;
  const server = createServer((_request, response) => {
    response
      .writeHead(status, { connection: 'close' })
      .end(JSON.stringify({ checks: { model: { status: status === 200 ? 'pass' : 'fail', output: 'loading' } } }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  assert.deepEqual(await probeService('127.0.0.1', port), { ready: false, detail: 'model: loading' });
  status = 200;
  assert.deepEqual(await probeService('127.0.0.1', port), { ready: true, detail: '' });
  server.close();
  assert.deepEqual(await probeService('127.0.0.1', await freePort()), { ready: false, detail: null });
});
