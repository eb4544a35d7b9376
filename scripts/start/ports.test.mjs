import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { choosePorts, requireFreePorts } from './ports.mjs';

const HOSTS = { apiHost: '127.0.0.1', relayHost: '127.0.0.1', metricsHost: '127.0.0.1' };
const FREE = { api: 0, webSocket: 0, grpc: 0, apiMetrics: 0, relayMetrics: 0, workerMetrics: [] };

test('The usual ports are those of the documentation', async () => {
  assert.deepEqual(await choosePorts({}, 3), { api: 8000, webSocket: 8765, grpc: 50_051, apiMetrics: 9100, relayMetrics: 9101, workerMetrics: [9102, 9103, 9104] });
});

test('METRICS_PORT moves the whole row, and 0 takes free ports that differ', async () => {
  assert.deepEqual(await choosePorts({ API_PORT: '8080', WS_PORT: '8081', GRPC_PORT: '8082', METRICS_PORT: '9200' }, 1), { api: 8080, webSocket: 8081, grpc: 8082, apiMetrics: 9200, relayMetrics: 9201, workerMetrics: [9202] });
  const answers = [5001, 5001, 5002, 5002, 5003, 5004, 5005, 5006];
  const ports = await choosePorts({ API_PORT: '0', WS_PORT: '0', GRPC_PORT: '0', METRICS_PORT: '0' }, 1, () => Promise.resolve(answers.shift()));
  assert.deepEqual(ports, { api: 5001, webSocket: 5002, grpc: 5003, apiMetrics: 5004, relayMetrics: 5005, workerMetrics: [5006] });
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
  try {
    const named = [['api', 'API_PORT'], ['webSocket', 'WS_PORT'], ['grpc', 'GRPC_PORT'], ['relayMetrics', 'METRICS_PORT']];
    for (const [name, variable] of named) {
      await assert.rejects(requireFreePorts({ ...FREE, [name]: port }, HOSTS, 0), (error) => error.message.includes(String(port)) && error.message.includes(variable));
    }
    await assert.rejects(requireFreePorts({ ...FREE, workerMetrics: [port] }, HOSTS, 0), (error) => error.message.includes('worker 1') && error.message.includes('METRICS_PORT'));
  } finally {
    server.close();
  }
  await requireFreePorts({ ...FREE, api: port }, HOSTS, 0);
});

test('A host that is not of this machine is told apart from a busy port', async () => {
  await assert.rejects(requireFreePorts(FREE, { ...HOSTS, apiHost: '192.0.2.1' }, 0), { name: 'SetupError', message: /API_HOST/ });
  await assert.rejects(requireFreePorts(FREE, { ...HOSTS, relayHost: '192.0.2.1' }, 0), { name: 'SetupError', message: /RELAY_HOST/ });
});
