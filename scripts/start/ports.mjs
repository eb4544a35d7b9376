import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, isPortFree } from '../setup/free-port.mjs';
import { SetupError } from '../setup/setup-error.mjs';

const API_PORT = 8000;
const WS_PORT = 8765;
const GRPC_PORT = 50_051;
const API_METRICS_PORT = 9100;
const RELAY_ABOVE = 1;
const WORKERS_ABOVE = 2;

/** The value of a port variable, or null when it is unset. Throws a `SetupError` that names it. */
function portVariable(environment, name) {
  const text = environment[name]?.trim() ?? '';
  if (text === '') return null;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new SetupError(`${name} must be a port from 0 to 65535; 0 takes a free one.`);
  return port;
}

/**
 * Which port each service takes: `{ api, webSocket, grpc, apiMetrics, relayMetrics, workerMetrics: […] }`. `METRICS_PORT` moves the whole row, as every service of
 * the machine needs one of its own; 0 takes free ones. `takeFree` answers a free port.
 */
export async function choosePorts(environment, workers, takeFree = freePort) {
  const wanted = { api: portVariable(environment, 'API_PORT') ?? API_PORT, webSocket: portVariable(environment, 'WS_PORT') ?? WS_PORT, grpc: portVariable(environment, 'GRPC_PORT') ?? GRPC_PORT };
  const base = portVariable(environment, 'METRICS_PORT') ?? API_METRICS_PORT;
  if (base + WORKERS_ABOVE + workers - 1 > 65_535) throw new SetupError('METRICS_PORT is too high: the workers count up from two above it.');
  const taken = new Set();
  const take = async () => {
    for (;;) {
      const port = await takeFree();
      if (taken.has(port)) continue;
      taken.add(port);
      return port;
    }
  };
  const orFree = async (port) => port === 0 ? take() : port;
  const api = await orFree(wanted.api);
  const webSocket = await orFree(wanted.webSocket);
  const grpc = await orFree(wanted.grpc);
  const apiMetrics = await orFree(base);
  const relayMetrics = base === 0 ? await take() : base + RELAY_ABOVE;
  const workerMetrics = [];
  for (let i = 0; i < workers; i += 1) workerMetrics.push(base === 0 ? await take() : base + WORKERS_ABOVE + i);
  return { api, webSocket, grpc, apiMetrics, relayMetrics, workerMetrics };
}

/** Throws a `SetupError` that names the first busy port and the variable that moves it; waits up to `patienceMs` for it to become free. */
export async function requireFreePorts(ports, { apiHost, relayHost, metricsHost }, patienceMs) {
  const wanted = [
    { port: ports.api, host: apiHost, hostVariable: 'API_HOST', variable: 'API_PORT', what: 'the HTTP door', example: 8001 },
    { port: ports.webSocket, host: relayHost, hostVariable: 'RELAY_HOST', variable: 'WS_PORT', what: 'WebSockets of the relay', example: 8766 },
    { port: ports.grpc, host: relayHost, hostVariable: 'RELAY_HOST', variable: 'GRPC_PORT', what: 'gRPC', example: 50_052 },
    { port: ports.apiMetrics, host: metricsHost, hostVariable: 'METRICS_HOST', variable: 'METRICS_PORT', what: 'the metrics of the HTTP door', example: 9200 },
    { port: ports.relayMetrics, host: metricsHost, hostVariable: 'METRICS_HOST', variable: 'METRICS_PORT', what: 'the metrics of the relay', example: 9200 },
    ...ports.workerMetrics.map((port, i) => ({ port, host: metricsHost, hostVariable: 'METRICS_HOST', variable: 'METRICS_PORT', what: `the metrics of worker ${String(i + 1)}`, example: 9200 })),
  ];
  const untilMs = Date.now() + patienceMs;
  for (const { port, host, hostVariable, variable, what, example } of wanted) {
    const isFree = () => isPortFree(port, host).catch((error) => { throw new SetupError(`${hostVariable}: nothing can listen at ${host} (${error.code ?? error.message}).`); });
    while (!(await isFree())) {
      if (Date.now() >= untilMs) throw new SetupError(`Port ${String(port)} (${what}) is in use by another program. Set ${variable} to another port, for example: ${variable}=${String(example)} npm start`);
      await sleep(200);
    }
  }
}
