import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, request, type Dispatcher } from 'undici';
import type { Allowlist } from './allowlist.js';
import { NameLookup, type ResolvedAddress } from './name-lookup.js';
import { requireReachable } from './target-url.js';

export interface GuardedClientOptions {
  readonly allowlist: Allowlist;
  /** Every address of a name; default `NameLookup`. */
  readonly resolve?: (name: string) => Promise<readonly ResolvedAddress[]>;
  /** Longest time until a connection stands, TLS included; default 10 s. */
  readonly connectTimeoutMs?: number;
}

export interface GuardedRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request and, later, the reading of the answer's body. */
  readonly signal: AbortSignal;
}

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 16_384;
const IDLE_CONNECTION_MS = 4_000;

/**
 * The only way out of the cluster to addresses that clients name. Every address of the name is judged, one that may not be
 * reached refuses them all, and the connection goes to one of those that were judged: what the name resolves to later is of no
 * matter. Proxies of the environment are not used, redirects not followed, cookies not kept. URLs come from `parseTarget`.
 */
export class GuardedClient {
  readonly allowlist: Allowlist;
  readonly #agent: Agent;

  constructor(options: GuardedClientOptions) {
    this.allowlist = options.allowlist;
    const names = new NameLookup();
    const resolve = options.resolve ?? ((name) => names.resolve(name));
    const timeout = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    this.#agent = new Agent({
      connect: guardedConnector(options.allowlist, resolve, timeout),
      // Callers keep the time by their signals.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: IDLE_CONNECTION_MS,
      keepAliveMaxTimeout: IDLE_CONNECTION_MS,
    });
  }

  /**
   * Sends a request and gives the answer once its headers are there, whatever its status; the body is the caller's to read or destroy.
   * Throws `url_not_allowed`, or what the network threw.
   */
  async request(url: URL, { method, headers, body, signal }: GuardedRequest): Promise<Dispatcher.ResponseData> {
    const response = await request(url, {
      dispatcher: this.#agent,
      method,
      headers,
      signal,
      ...(body === undefined ? {} : { body }),
    });
    // Whoever reads the body hears of its faults; nobody reading it is no fault.
    response.body.on('error', () => undefined);
    return response;
  }

  /** Ends every request in flight. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function guardedConnector(
  allowlist: Allowlist,
  resolve: NonNullable<GuardedClientOptions['resolve']>,
  timeout: number,
): buildConnector.connector {
  return (options, callback) => {
    const port = options.port === '' ? (options.protocol === 'https:' ? 443 : 80) : Number(options.port);
    try {
      // Node asks `lookup` about names only.
      if (isIP(options.hostname) !== 0) requireReachable(allowlist, options.hostname, options.hostname, port);
    } catch (error) {
      callback(error as Error, null);
      return;
    }
    const lookup = guardedLookup(allowlist, resolve, port);
    buildConnector({ lookup, timeout, maxCachedSessions: 0 })(options, callback);
  };
}

function guardedLookup(
  allowlist: Allowlist,
  resolve: NonNullable<GuardedClientOptions['resolve']>,
  port: number,
): LookupFunction {
  return (name, options, callback) => {
    judged(allowlist, resolve, name, port).then(
      (addresses) => {
        const [first] = addresses;
        if (options.all === true) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => {
        callback(error as NodeJS.ErrnoException, '', 0);
      },
    );
  };
}

async function judged(
  allowlist: Allowlist,
  resolve: NonNullable<GuardedClientOptions['resolve']>,
  name: string,
  port: number,
): Promise<[ResolvedAddress, ...ResolvedAddress[]]> {
  const [first, ...others] = await resolve(name);
  if (first === undefined) throw new Error('the name has no address');
  for (const { address } of [first, ...others]) requireReachable(allowlist, name, address, port);
  return [first, ...others];
}
