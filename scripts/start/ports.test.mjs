import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { choosePorts, requireFreePorts } from './ports.mjs';

const HOSTS = { apiHost: '127.0.0.1', metricsHost: '127.0.0.1' };

test('The usual ports leave a gap for the relay', async () => {
  assert.deepEqual(await choosePorts({}, 3), { api: 8000, apiMetrics: 9100, workerMetrics: [9102, 9103, 9104] });
});

test('METRICS_PORT moves the whole row, and 0 takes free ports that differ', async () => {
  assert.deepEqual(await choosePorts({ API_PORT: '8080', METRICS_PORT: '9200' }, 1), { api: 8080, apiMetrics: 9200, workerMetrics: [9202] });
  const answers = [5001, 5001, 5002, 5002, 5003];
  const ports = await choosePorts({ API_PORT: '0', METRICS_PORT: '0' }, 1, () => Promise.resolve(answers.shift()));
  assert.deepEqual(ports, { api: 5001, apiMetrics: 5002, workerMetrics: [5003] });
});

test('A bad port variable is refused by name', async () => {
  await assert.rejects(choosePorts({ API_PORT: 'http' }, 1), { name: 'SetupError', message: /API_PORT/ });
  await assert.rejects(choosePorts({ METRICS_PORT: '65536' }, 1), { name: 'SetupError', message: /METRICS_PORT/ });
  await assert.rejects(choosePorts({ METRICS_PORT: '65530' }, 10), { name: 'SetupError', message: /METRICS_PORT/ });
});

test('A busy port is named together with the variable that moves it', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const [free, free2] = await choosePorts({ METRICS_PORT: '0' }, 1).then(({ apiMetrics, workerMetrics }) => [apiMetrics, ...workerMetrics]);
  try {
    await assert.rejects(requireFreePorts({ api: port, apiMetrics: free, workerMetrics: [free2] }, HOSTS, 0), (error) => error.message.includes(String(port)) && error.message.includes('API_PORT'));
    await assert.rejects(requireFreePorts({ api: free, apiMetrics: free2, workerMetrics: [port] }, HOSTS, 0), (error) => error.message.includes('worker 1') && error.message.includes('METRICS_PORT'));
  } finally {
    server.close();
  }
  await requireFreePorts({ api: port, apiMetrics: free, workerMetrics: [free2] }, HOSTS, 0);
});

test('A host that is not of this machine is told apart from a busy port', async () => {
  await assert.rejects(requireFreePorts({ api: 0, apiMetrics: 0, workerMetrics: [] }, { ...HOSTS, apiHost: '192.0.2.1' }, 0), { name: 'SetupError', message: /API_HOST/ });
});
