import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@murmuration/store/testing';
import { Balancer } from './balancer.js';
import { ROOT } from './service-process.js';

/** A server behind the balancer: the port of its work and the one of its probes. */
export interface BalancedNode {
  readonly port: number;
  readonly metricsPort: number;
}

/** The balancer of `deploy/compose`, with its own configuration, in front of processes of this machine. */
export class ComposeBalancer {
  readonly httpPort: number;
  readonly grpcPort: number;
  /** WebSockets of the relays, which the name `relay` stands for in Compose. */
  readonly relayPort: number;
  readonly #balancer: Balancer;

  private constructor(httpPort: number, grpcPort: number, relayPort: number, balancer: Balancer) {
    this.httpPort = httpPort;
    this.grpcPort = grpcPort;
    this.relayPort = relayPort;
    this.#balancer = balancer;
  }

  static async start(
    apis: readonly BalancedNode[],
    relays: readonly (BalancedNode & { readonly grpcPort: number })[],
    relayPort: number,
  ): Promise<ComposeBalancer> {
    const [httpPort, grpcPort] = [await freePort(), await freePort()];
    const composed = await readFile(join(ROOT, 'deploy/compose/haproxy.cfg'), 'utf8');
    const settings = composed
      .replace('bind :8000', `bind 127.0.0.1:${String(httpPort)}`)
      .replace('bind :50051', `bind 127.0.0.1:${String(grpcPort)}`)
      // A machine may allow fewer open files.
      .replace(/maxconn \d+/, 'maxconn 1000')
      // Names of Compose's network become addresses; each server has probes on a port of its own.
      .replace(/^resolvers network\n(?: .*\n)+/m, '')
      .replace(/^ {2}http-check connect port \d+\n/gm, '')
      .replace(/^ {2}server-template api- .*$/m, servers('api', apis, ''))
      .replace(
        /^ {2}server-template relay- .*$/m,
        servers(
          'relay',
          relays.map(({ grpcPort: port, metricsPort }) => ({ port, metricsPort })),
          ' proto h2 check-proto h1',
        ),
      );
    if (/server-template|resolvers/.test(settings))
      throw new Error('the configuration of Compose has changed its form');
    const balancer = await Balancer.startWith(
      `${settings}
frontend relay-sockets
  bind 127.0.0.1:${String(relayPort)}
  default_backend relay-sockets
backend relay-sockets
  option httpchk GET /readyz
${servers('socket', relays, '')}
`,
      httpPort,
    );
    return new ComposeBalancer(httpPort, grpcPort, relayPort, balancer);
  }

  close(): Promise<void> {
    return this.#balancer.close();
  }
}

function servers(name: string, nodes: readonly BalancedNode[], more: string): string {
  return nodes
    .map(
      ({ port, metricsPort }, i) =>
        `  server ${name}-${String(i)} 127.0.0.1:${String(port)} check port ${String(metricsPort)} inter 2s fall 2 rise 1${more}`,
    )
    .join('\n');
}
