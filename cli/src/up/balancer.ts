import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { SetupError } from '../../../scripts/setup/setup-error.mjs';

const PROBE_EVERY_MS = 500;
const CONNECT_WITHIN_MS = 2_000;
// A server may answer and leave while its client is still sending; once the answer is sent, the client has so long to take it.
const LINGER_MS = 5_000;
// A client that takes nothing of the rest of an answer for so long is gone.
const STALLED_MS = 60_000;

/** One of several processes that do the same work: whether it is ready, and how many connections it has through all balancers. */
export class Backend {
  isReady = false;
  connections = 0;
  readonly #probe: () => Promise<boolean>;
  #timer: NodeJS.Timeout | null = null;

  /** `probe` answers whether the process takes new work. */
  constructor(probe: () => Promise<boolean>) {
    this.#probe = probe;
  }

  /** Asks the probe, and from then on twice a second. */
  async watch(): Promise<void> {
    this.isReady = await this.#probe();
    this.#timer = setTimeout(() => {
      void this.watch();
    }, PROBE_EVERY_MS).unref();
  }

  unwatch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}

/**
 * Hands each connection to the backend that is ready and has the fewest, and carries bytes both ways. It knows nothing of what
 * they mean, so that HTTP with events and uploads, WebSockets and gRPC go through alike, with their own backpressure, half-closed ends and
 * aborts; a connection stays with its backend. Services see the address of this process; none of them goes by a client's address.
 */
export class Balancer {
  readonly #targets: readonly { readonly backend: Backend; readonly port: number }[];
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  #turn = 0;

  /** Each target listens on loopback. */
  constructor(targets: readonly { readonly backend: Backend; readonly port: number }[]) {
    this.#targets = targets;
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (client) => {
      void this.#serve(client);
    });
  }

  /** Throws a `SetupError` when another program has the port. */
  async listen(port: number, host: string): Promise<void> {
    this.#server.listen({ port, host, exclusive: true });
    try {
      await once(this.#server, 'listening');
    } catch (error) {
      throw new SetupError(
        `Port ${String(port)} was taken by another program while the services started, or cannot be used: ${error instanceof Error ? error.message : String(error)}. Start again, or set another port.`,
      );
    }
    // A connection that cannot be taken, for want of files for example, is that client's loss alone.
    this.#server.on('error', () => undefined);
  }

  /** Takes no more connections. */
  close(): void {
    this.#server.close();
  }

  /** Ends those that are left. */
  destroy(): void {
    this.#server.close();
    for (const client of this.#clients) client.destroy();
  }

  async #serve(client: Socket): Promise<void> {
    this.#clients.add(client);
    client.once('close', () => {
      this.#clients.delete(client);
    });
    client.on('error', () => {
      client.destroy();
    });
    const tried = new Set<Backend>();
    for (;;) {
      const target = this.#choose(tried);
      if (target === null || client.destroyed) {
        client.destroy();
        return;
      }
      tried.add(target.backend);
      target.backend.connections += 1;
      const upstream = await connected(target.port);
      if (upstream !== null) {
        upstream.once('close', () => {
          target.backend.connections -= 1;
        });
        carry(client, upstream);
        return;
      }
      target.backend.connections -= 1;
      target.backend.isReady = false;
    }
  }

  /** Of those with equally few connections each in its turn. Those that are not ready come last: one that starts may be able to answer all the same. */
  #choose(tried: ReadonlySet<Backend>): { readonly backend: Backend; readonly port: number } | null {
    const count = this.#targets.length;
    this.#turn = (this.#turn + 1) % count;
    const inTurn = [...this.#targets.slice(this.#turn), ...this.#targets.slice(0, this.#turn)].filter(
      ({ backend }) => !tried.has(backend),
    );
    const load = ({ backend }: { readonly backend: Backend }): number =>
      backend.isReady ? backend.connections : Number.MAX_SAFE_INTEGER;
    return inTurn.reduce<(typeof inTurn)[number] | null>(
      (best, one) => (best === null || load(one) < load(best) ? one : best),
      null,
    );
  }
}

function connected(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const upstream = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    const limit = setTimeout(() => {
      upstream.destroy();
      resolve(null);
    }, CONNECT_WITHIN_MS);
    upstream.once('connect', () => {
      clearTimeout(limit);
      resolve(upstream);
    });
    upstream.on('error', () => {
      clearTimeout(limit);
      upstream.destroy();
      resolve(null);
    });
  });
}

function carry(client: Socket, upstream: Socket): void {
  client.pipe(upstream);
  upstream.pipe(client);
  client.once('close', () => {
    upstream.destroy();
  });
  upstream.once('close', () => {
    if (client.destroyed) return;
    let limit: NodeJS.Timeout | undefined;
    client.end(() => {
      limit = setTimeout(() => {
        client.destroy();
      }, LINGER_MS).unref();
    });
    client.setTimeout(STALLED_MS, () => {
      client.destroy();
    });
    // What the client still sends is read and dropped: closing over unread bytes would take the answer from it.
    client.unpipe(upstream);
    client.resume();
    client.once('close', () => {
      clearTimeout(limit);
    });
    client.once('end', () => {
      client.destroySoon();
    });
    if (client.readableEnded) client.destroySoon();
  });
  if (client.destroyed) upstream.destroy();
}
