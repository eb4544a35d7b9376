import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { choosePorts, requireFreePorts, type Ports } from './ports.js';

const HOSTS = { apiHost: '127.0.0.1', relayHost: '127.0.0.1', wyomingHost: '127.0.0.1', metricsHost: '127.0.0.1' };
const FREE: Ports = { api: 0, webSocket: 0, grpc: 0, public: {}, apis: [], relays: [], workerMetrics: [] };
const ONE = { apis: 1, relays: 1, workers: 1 };

/** Free ports as they are asked for: 5001, 5002, … */
function counting(): () => Promise<number> {
  let port = 5_000;
  return () => Promise.resolve((port += 1));
}

test('The usual ports are those of the documentation', async () => {
  const listens = { WS_PORT: 8765, GRPC_PORT: 50_051 };
  assert.deepEqual(await choosePorts({}, { apis: 1, relays: 1, workers: 3 }), {
    api: 8000,
    webSocket: 8765,
    grpc: 50_051,
    public: listens,
    apis: [{ port: 8000, metrics: 9100 }],
    relays: [{ listens, metrics: 9101 }],
    workerMetrics: [9102, 9103, 9104],
  });
});

test('METRICS_PORT moves the whole row, and 0 takes free ports that differ', async () => {
  const listens = { WS_PORT: 8081, GRPC_PORT: 8082 };
  assert.deepEqual(
    await choosePorts({ API_PORT: '8080', WS_PORT: '8081', GRPC_PORT: '8082', METRICS_PORT: '9200' }, ONE),
    {
      api: 8080,
      webSocket: 8081,
      grpc: 8082,
      public: listens,
      apis: [{ port: 8080, metrics: 9200 }],
      relays: [{ listens, metrics: 9201 }],
      workerMetrics: [9202],
    },
  );
  const answers = [5001, 5001, 5002, 5002, 5003, 5004, 5005, 5006];
  const ports = await choosePorts({ API_PORT: '0', WS_PORT: '0', GRPC_PORT: '0', METRICS_PORT: '0' }, ONE, () =>
    Promise.resolve(answers.shift() ?? 0),
  );
  const free = { WS_PORT: 5002, GRPC_PORT: 5003 };
  assert.deepEqual(ports, {
    api: 5001,
    webSocket: 5002,
    grpc: 5003,
    public: free,
    apis: [{ port: 5001, metrics: 5004 }],
    relays: [{ listens: free, metrics: 5005 }],
    workerMetrics: [5006],
  });
});

test('Several services have ports of their own behind those that clients know, dialects as well, and their metrics come after the workers', async () => {
  const ports = await choosePorts({ VOSK_PORT: '2700' }, { apis: 2, relays: 2, workers: 2 }, counting());
  assert.deepEqual(ports.public, { WS_PORT: 8765, GRPC_PORT: 50_051, VOSK_PORT: 2700 });
  assert.deepEqual(
    ports.apis.map(({ metrics }) => metrics),
    [9100, 9104],
  );
  assert.deepEqual(
    ports.relays.map(({ metrics }) => metrics),
    [9101, 9105],
  );
  assert.deepEqual(ports.workerMetrics, [9102, 9103]);
  const own = [...ports.apis.map(({ port }) => port), ...ports.relays.flatMap(({ listens }) => Object.values(listens))];
  assert.deepEqual(own, [5001, 5002, 5003, 5004, 5005, 5006, 5007, 5008]);
  assert.deepEqual(
    ports.relays.map(({ listens }) => Object.keys(listens)),
    [
      ['WS_PORT', 'GRPC_PORT', 'VOSK_PORT'],
      ['WS_PORT', 'GRPC_PORT', 'VOSK_PORT'],
    ],
  );
});

test('A bad port variable is refused by name', async () => {
  await assert.rejects(choosePorts({ API_PORT: 'http' }, ONE), { name: 'SetupError', message: /API_PORT/ });
  await assert.rejects(choosePorts({ METRICS_PORT: '65536' }, ONE), { name: 'SetupError', message: /METRICS_PORT/ });
  await assert.rejects(choosePorts({ METRICS_PORT: '65530' }, { ...ONE, workers: 10 }), {
    name: 'SetupError',
    message: /METRICS_PORT/,
  });
});

test('A busy port is named together with the variable that moves it', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const named: readonly (readonly [Partial<Ports>, string])[] = [
      [{ api: port }, 'API_PORT'],
      [{ webSocket: port }, 'WS_PORT'],
      [{ grpc: port }, 'GRPC_PORT'],
      [{ public: { VOSK_PORT: port } }, 'VOSK_PORT'],
      [{ apis: [{ port: 0, metrics: port }] }, 'METRICS_PORT'],
      [{ relays: [{ listens: {}, metrics: port }] }, 'METRICS_PORT'],
    ];
    for (const [busy, variable] of named) {
      await assert.rejects(
        requireFreePorts({ ...FREE, ...busy }, HOSTS, 0),
        (error: Error) => error.message.includes(String(port)) && error.message.includes(variable),
      );
    }
    await assert.rejects(
      requireFreePorts({ ...FREE, workerMetrics: [port] }, HOSTS, 0),
      (error: Error) => error.message.includes('worker 1') && error.message.includes('METRICS_PORT'),
    );
  } finally {
    server.close();
  }
  await requireFreePorts({ ...FREE, api: port }, HOSTS, 0);
});

test('A host that is not of this machine is told apart from a busy port', async () => {
  await assert.rejects(requireFreePorts(FREE, { ...HOSTS, apiHost: '192.0.2.1' }, 0), {
    name: 'SetupError',
    message: /API_HOST/,
  });
  await assert.rejects(requireFreePorts(FREE, { ...HOSTS, relayHost: '192.0.2.1' }, 0), {
    name: 'SetupError',
    message: /RELAY_HOST/,
  });
});
