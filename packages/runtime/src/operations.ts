import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { browserRefusal } from './browser-rules.js';

/** The error itself, or a sentence that names the busy port and the variable that changes it. */
export function portInUse(error: NodeJS.ErrnoException, variable: string, port: number): Error {
  if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') return error;
  const why = error.code === 'EADDRINUSE' ? 'is in use by another program' : 'may not be opened by this user';
  return new Error(`Port ${String(port)} ${why}. Set ${variable} to another port.`);
}

/** What a probe found. */
export interface Check {
  readonly ok: boolean;
  /** A short sentence for an operator; no secrets. */
  readonly detail: string;
}

/** Probes of one service. Liveness never asks Redis. */
export interface Probes {
  live(): Check | Promise<Check>;
  ready(): Readonly<Record<string, Check>> | Promise<Readonly<Record<string, Check>>>;
  /** True once the start has finished; stays true. */
  started(): boolean;
}

export interface OperationsOptions {
  readonly host: string;
  readonly port: number;
  /** Host names that are answered beside addresses and localhost: no key is asked for here. */
  readonly allowedHosts: readonly string[];
  readonly registry: Registry;
  readonly probes: Probes;
}

/** `/livez`, `/readyz[?verbose]`, `/startupz` and `/metrics` on a port of their own, never the public one. */
export class OperationsServer {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Throws a sentence that names `METRICS_PORT` when the port is taken. */
  static async start(options: OperationsOptions): Promise<OperationsServer> {
    const server = createServer({ requestTimeout: 30_000 }, (request, response) => {
      const refusal = browserRefusal(request, { origins: [], hosts: options.allowedHosts, open: true });
      if (refusal !== null) {
        response.writeHead(403, { 'content-type': 'text/plain', connection: 'close' }).end(`${refusal}\n`);
        return;
      }
      void answer(request.url?.split('?')[0] ?? '/', options).then(
        ({ status, type, body }) => {
          response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
        },
        () => {
          response.writeHead(500).end();
        },
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        reject(portInUse(error, 'METRICS_PORT', options.port));
      });
      server.listen(options.port, options.host, () => {
        resolve();
      });
    });
    return new OperationsServer(server);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function answer(path: string, options: OperationsOptions): Promise<Answer> {
  switch (path) {
    case '/livez':
      return health({ live: await options.probes.live() });
    case '/startupz':
      return health({
        started: options.probes.started() ? { ok: true, detail: 'started' } : { ok: false, detail: 'still starting' },
      });
    case '/readyz':
      return health(await options.probes.ready());
    case '/metrics':
      return { status: 200, type: options.registry.contentType, body: await options.registry.metrics() };
    default:
      return { status: 404, type: 'text/plain', body: 'Here are /livez, /readyz, /startupz and /metrics.\n' };
  }
}

function health(checks: Readonly<Record<string, Check>>): Answer {
  const ok = Object.values(checks).every((check) => check.ok);
  const told = Object.fromEntries(
    Object.entries(checks).map(([name, check]) => [name, { status: check.ok ? 'pass' : 'fail', output: check.detail }]),
  );
  return {
    status: ok ? 200 : 503,
    type: 'application/health+json',
    body: JSON.stringify({ status: ok ? 'pass' : 'fail', checks: told }),
  };
}
