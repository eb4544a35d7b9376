import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { Metrics } from './metrics.js';
import { OperationsServer, type Probes } from './operations.js';

function probes(ready: boolean): Probes {
  return {
    live: () => ({ ok: true, detail: 'alive' }),
    ready: () => ({ model: { ok: ready, detail: ready ? 'warm' : 'loading' } }),
    started: () => ready,
  };
}

async function get(port: number, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${String(port)}${path}`);
  return { status: response.status, body: await response.text() };
}

test('Probes answer 200 or 503 with the reason', async () => {
  const server = await OperationsServer.start({
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    registry: new Registry(),
    probes: probes(false),
  });
  assert.equal((await get(server.port, '/livez')).status, 200);
  const ready = await get(server.port, '/readyz?verbose');
  assert.equal(ready.status, 503);
  assert.deepEqual(JSON.parse(ready.body), {
    status: 'fail',
    checks: { model: { status: 'fail', output: 'loading' } },
  });
  assert.equal((await get(server.port, '/startupz')).status, 503);
  assert.equal((await get(server.port, '/other')).status, 404);
  await server.close();
});

test('All metrics are named asr_ and are served', async () => {
  const metrics = new Metrics();
  metrics.batchSize.observe(3);
  const server = await OperationsServer.start({
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    registry: metrics.registry,
    probes: probes(true),
  });
  const { body } = await get(server.port, '/metrics');
  assert.match(body, /^asr_batch_size_count 1$/m);
  for (const line of body.split('\n')) assert.match(line, /^(#|asr_|$)/);
  await server.close();
});

test('Ends of jobs are counted by outcome and code, and of refusals those for want of room', async () => {
  const metrics = new Metrics();
  for (const code of [null, null, 'cancelled', 'unprocessable_audio'] as const) metrics.jobEnded(code);
  for (const status of [200, 429, 429, 400, 503, 507]) metrics.answered(status);
  metrics.answered(429, 'insufficient_quota');
  const samples = async (name: string): Promise<string[]> =>
    (await metrics.registry.getSingleMetricAsString(name)).split('\n').filter((line) => !line.startsWith('#'));
  assert.deepEqual(await samples('asr_jobs_total'), [
    'asr_jobs_total{outcome="done",code=""} 2',
    'asr_jobs_total{outcome="cancelled",code="cancelled"} 1',
    'asr_jobs_total{outcome="failed",code="unprocessable_audio"} 1',
  ]);
  assert.deepEqual(await samples('asr_shed_total'), [
    'asr_shed_total{reason="queue_full"} 2',
    'asr_shed_total{reason="storage_full"} 1',
  ]);
});

test('A name that a stranger can make point here is refused, an address, localhost or a listed name is not', async (t) => {
  const server = await OperationsServer.start({
    host: '127.0.0.1',
    port: 0,
    allowedHosts: ['worker'],
    registry: new Registry(),
    probes: probes(true),
  });
  t.after(() => server.close());
  const statusOf = (
    path: string,
    headers: Readonly<Record<string, string>>,
    method = 'GET',
  ): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port: server.port, path, method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
  for (const path of ['/metrics', '/livez', '/readyz', '/other', '//'])
    assert.equal(await statusOf(path, { host: 'evil.example:9100' }), 403, path);
  for (const host of ['127.0.0.1:9100', 'localhost:9100', '10.1.2.3', 'worker:9102'])
    assert.equal(await statusOf('/metrics', { host }), 200, host);
  assert.equal(await statusOf('//', { host: 'localhost' }), 404);
  assert.equal(await statusOf('/metrics', { host: 'localhost', origin: 'https://evil.example' }, 'POST'), 403);
});

test('A busy port is told with the variable that changes it', async () => {
  const first = await OperationsServer.start({
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    registry: new Registry(),
    probes: probes(true),
  });
  await assert.rejects(
    OperationsServer.start({
      host: '127.0.0.1',
      port: first.port,
      allowedHosts: [],
      registry: new Registry(),
      probes: probes(true),
    }),
    /in use.*METRICS_PORT/,
  );
  await first.close();
});
