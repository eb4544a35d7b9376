import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from '../../../scripts/setup/setup-error.mjs';
import type { Environment } from '../config.js';

const API_PORT = 8000;
const WS_PORT = 8765;
const GRPC_PORT = 50_051;
const METRICS_PORT = 9100;
const HIGHEST = 65_535;
/** A port that a former start still frees is looked at this often, milliseconds. */
const FREE_POLL_MS = 200;

/** Ports of the relay that only those have who ask for them. */
const DIALECT_PORTS = ['WHISPERLIVE_PORT', 'VOSK_PORT', 'WYOMING_PORT'] as const;

/** How many processes of each kind there are. */
export interface Counts {
  readonly apis: number;
  readonly relays: number;
  readonly workers: number;
}

/** Which port each service takes. Of several the balancer has the one that clients know, and each has one of its own. */
export interface Ports {
  readonly api: number;
  readonly webSocket: number;
  readonly grpc: number;
  /** The relay's port variables, with the ports that clients know: `WS_PORT`, `GRPC_PORT` and those of the dialects that are asked for. */
  readonly public: Readonly<Record<string, number>>;
  readonly apis: readonly { readonly port: number; readonly metrics: number }[];
  readonly relays: readonly { readonly listens: Readonly<Record<string, number>>; readonly metrics: number }[];
  readonly workerMetrics: readonly number[];
}

/** True when a server may listen there now. A host that is no address of this machine throws. */
function isPortFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else reject(error);
    });
    probe.listen({ port, host, exclusive: true }, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}

/** A port that was free a moment ago, between 1024 and 65535. */
export function freePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ port: 0, host, exclusive: true }, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => {
        resolve(port);
      });
    });
  });
}

/** The value of a port variable, or null when it is unset. Throws a `SetupError` that names it. */
function portVariable(environment: Environment, name: string): number | null {
  const text = environment[name]?.trim() ?? '';
  if (text === '') return null;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > HIGHEST)
    throw new SetupError(`${name} must be a port from 0 to 65535; 0 takes a free one.`);
  return port;
}

/**
 * Chooses them. `METRICS_PORT` moves the whole row, as every service of the machine needs one of its own: it is that of the first
 * HTTP service, the relay has the next, then come the workers, then further HTTP services and relays; 0 takes free ones.
 * `takeFree` answers a free port.
 */
export async function choosePorts(
  environment: Environment,
  { apis, relays, workers }: Counts,
  takeFree: () => Promise<number> = freePort,
): Promise<Ports> {
  const wanted = {
    api: portVariable(environment, 'API_PORT') ?? API_PORT,
    WS_PORT: portVariable(environment, 'WS_PORT') ?? WS_PORT,
    GRPC_PORT: portVariable(environment, 'GRPC_PORT') ?? GRPC_PORT,
  };
  const dialects = DIALECT_PORTS.flatMap((name) => {
    const port = portVariable(environment, name);
    return port === null ? [] : [[name, port] as const];
  });
  const base = portVariable(environment, 'METRICS_PORT') ?? METRICS_PORT;
  if (base + apis + relays + workers - 1 > HIGHEST)
    throw new SetupError('METRICS_PORT is too high: the workers count up from two above it.');
  // What is asked for by number may lie among the ports that the system gives away.
  const taken = new Set([wanted.api, wanted.WS_PORT, wanted.GRPC_PORT, ...dialects.map(([, port]) => port)]);
  for (let i = 0; base > 0 && i < apis + relays + workers; i += 1) taken.add(base + i);
  const take = async (): Promise<number> => {
    for (;;) {
      const port = await takeFree();
      if (taken.has(port)) continue;
      taken.add(port);
      return port;
    }
  };
  const orFree = async (port: number): Promise<number> => (port === 0 ? take() : port);
  const api = await orFree(wanted.api);
  const listens: Record<string, number> = {
    WS_PORT: await orFree(wanted.WS_PORT),
    GRPC_PORT: await orFree(wanted.GRPC_PORT),
  };
  for (const [name, port] of dialects) listens[name] = await orFree(port);
  const metrics: number[] = [];
  for (let i = 0; i < apis + relays + workers; i += 1) metrics.push(base === 0 ? await take() : base + i);
  const [firstApi = 0, firstRelay = 0, ...others] = metrics;
  const apiMetrics = [firstApi, ...others.slice(workers, workers + apis - 1)];
  const relayMetrics = [firstRelay, ...others.slice(workers + apis - 1)];
  const own = async (): Promise<Record<string, number>> => {
    const ports: Record<string, number> = {};
    for (const name of Object.keys(listens)) ports[name] = await take();
    return ports;
  };
  const apiPorts = [];
  for (const port of apiMetrics) apiPorts.push({ port: apis === 1 ? api : await take(), metrics: port });
  const relayPorts = [];
  for (const port of relayMetrics) relayPorts.push({ listens: relays === 1 ? listens : await own(), metrics: port });
  return {
    api,
    webSocket: listens.WS_PORT ?? WS_PORT,
    grpc: listens.GRPC_PORT ?? GRPC_PORT,
    public: listens,
    apis: apiPorts,
    relays: relayPorts,
    workerMetrics: others.slice(0, workers),
  };
}

/** Where the services listen. */
export interface Hosts {
  readonly apiHost: string;
  readonly relayHost: string;
  /** Of the port of Wyoming alone. */
  readonly wyomingHost: string;
  readonly metricsHost: string;
}

/** Throws a `SetupError` that names the first busy port and the variable that moves it; waits up to `patienceMs` for it to become free. */
export async function requireFreePorts(
  ports: Ports,
  { apiHost, relayHost, wyomingHost, metricsHost }: Hosts,
  patienceMs: number,
): Promise<void> {
  const numbered = (what: string, i: number, count: number): string =>
    count === 1 ? what : `${what} ${String(i + 1)}`;
  const metricsOf = (what: string, port: number) => ({
    port,
    host: metricsHost,
    hostVariable: 'METRICS_HOST',
    variable: 'METRICS_PORT',
    what: `the metrics of ${what}`,
    example: 9200,
  });
  const wanted = [
    {
      port: ports.api,
      host: apiHost,
      hostVariable: 'API_HOST',
      variable: 'API_PORT',
      what: 'the HTTP service',
      example: 8001,
    },
    {
      port: ports.webSocket,
      host: relayHost,
      hostVariable: 'RELAY_HOST',
      variable: 'WS_PORT',
      what: 'WebSockets of the relay',
      example: 8766,
    },
    {
      port: ports.grpc,
      host: relayHost,
      hostVariable: 'RELAY_HOST',
      variable: 'GRPC_PORT',
      what: 'gRPC',
      example: 50_052,
    },
    ...DIALECT_PORTS.flatMap((name) =>
      ports.public[name] === undefined
        ? []
        : [
            {
              port: ports.public[name],
              ...(name === 'WYOMING_PORT'
                ? { host: wyomingHost, hostVariable: 'WYOMING_HOST' }
                : { host: relayHost, hostVariable: 'RELAY_HOST' }),
              variable: name,
              what: 'a dialect of the relay',
              example: 9090,
            },
          ],
    ),
    ...ports.apis.map(({ metrics }, i) => metricsOf(numbered('the HTTP service', i, ports.apis.length), metrics)),
    ...ports.relays.map(({ metrics }, i) => metricsOf(numbered('the relay', i, ports.relays.length), metrics)),
    ...ports.workerMetrics.map((port, i) => metricsOf(`worker ${String(i + 1)}`, port)),
  ];
  const untilMs = Date.now() + patienceMs;
  for (const { port, host, hostVariable, variable, what, example } of wanted) {
    const isFree = (): Promise<boolean> =>
      isPortFree(port, host).catch((error: unknown) => {
        throw new SetupError(
          `${hostVariable}: nothing can listen at ${host} (${(error as NodeJS.ErrnoException).code ?? String(error)}).`,
        );
      });
    while (!(await isFree())) {
      if (Date.now() >= untilMs)
        throw new SetupError(
          `Port ${String(port)} (${what}) is in use by another program. Set ${variable} to another port, for example: ${variable}=${String(example)} npm start`,
        );
      await sleep(FREE_POLL_MS);
    }
  }
}
