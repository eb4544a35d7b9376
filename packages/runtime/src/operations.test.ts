import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { Metrics } from './metrics.js';
import { OperationsServer, type Probes } from './operations.js';

function probes(ready: boolean): Probes {
  return { live: () => ({ ok: true, detail: 'alive' }), ready: () => ({ model: { ok: ready, detail: ready ? 'warm' : 'loading' } }), started: () => ready };
}

async function get(port: number, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${String(port)}${path}`);
  return { status: response.status, body: await response.text() };
}

test('Probes answer 200 or 503 with the reason', async () => {
  const server = await OperationsServer.start({ host: '127.0.0.1', port: 0, registry: new Registry(), probes: probes(false) });
  assert.equal((await get(server.port, '/livez')).status, 200);
  const ready = await get(server.port, '/readyz?verbose');
  assert.equal(ready.status, 503);
  assert.deepEqual(JSON.parse(ready.body), { status: 'fail', checks: { model: { status: 'fail', output: 'loading' } } });
  assert.equal((await get(server.port, '/startupz')).status, 503);
  assert.equal((await get(server.port, '/other')).status, 404);
  await server.close();
});

test('All metrics are named asr_ and are served', async () => {
  const metrics = new Metrics();
  metrics.batchSize.observe(3);
  const server = await OperationsServer.start({ host: '127.0.0.1', port: 0, registry: metrics.registry, probes: probes(true) });
  const { body } = await get(server.port, '/metrics');
  assert.match(body, /^asr_batch_size_count 1$/m);
  for (const line of body.split('\n')) assert.match(line, /^(#|asr_|$)/);
  await server.close();
});

test('A busy port is told with the variable that changes it', async () => {
  const first = await OperationsServer.start({ host: '127.0.0.1', port: 0, registry: new Registry(), probes: probes(true) });
  await assert.rejects(OperationsServer.start({ host: '127.0.0.1', port: first.port, registry: new Registry(), probes: probes(true) }), /in use.*METRICS_PORT/);
  await first.close();
});
