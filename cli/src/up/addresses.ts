import { connect } from 'node:net';
import type { Ports } from './ports.js';
import { SetupError } from '../../../scripts/setup/setup-error.mjs';

/** An address at which a server that listens on `host` is reached from this machine. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** A host as it stands in a URL. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** The lines that say where everything is. The address of Redis holds a password: of our own `redisRecord` is named, the file that has it. */
export function describeAddresses({
  url,
  relayHost,
  ports,
  redisRecord,
}: {
  readonly url: string;
  readonly relayHost: string;
  readonly ports: Ports;
  readonly redisRecord: string | null;
}): readonly string[] {
  const relay = bracketed(reachableHost(relayHost));
  const metrics = [
    ...ports.apis.map(({ metrics: port }) => port),
    ...ports.relays.map(({ metrics: port }) => port),
    ...ports.workerMetrics,
  ];
  return [
    'Murmuration is ready.',
    `  transcribe    POST ${url}/transcribe`,
    `  OpenAI SDK    ${url}/v1`,
    `  live          ${url.replace(/^http/, 'ws')}/ws/transcribe, or ws://${relay}:${String(ports.webSocket)}`,
    `  gRPC          ${relay}:${String(ports.grpc)}`,
    `  reference     ${url}/docs and ${url}/redoc`,
    `  health        ${url}/health`,
    `  metrics       ports ${metrics.map(String).join(', ')}`,
    `  redis         ${redisRecord === null ? 'as REDIS_URL says' : `its own; port and password are in ${redisRecord}`}`,
    'Ctrl-C ends it in order.',
  ];
}

/** The Redis of `--no-redis` without `REDIS_URL`. */
export const DEFAULT_REDIS_URL = 'redis://127.0.0.1:6379';

/**
 * Host and port of a plain `redis://` or `rediss://` address; null for the forms with several hosts (Sentinel, Cluster), which
 * only the services can judge. Throws a `SetupError` for what is no Redis address; the address itself is not told, it may hold a password.
 */
export function redisEndpoint(address: string): { readonly host: string; readonly port: number } | null {
  if (!/^[a-z+-]*redis[a-z+-]*:\/\//i.test(address))
    throw new SetupError('REDIS_URL is no Redis address: write it like redis://127.0.0.1:6379.');
  if (address.includes(',')) return null;
  try {
    const url = new URL(address);
    if (!['redis:', 'rediss:'].includes(url.protocol)) return null;
    return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 6379 : Number(url.port) };
  } catch {
    throw new SetupError('REDIS_URL is no Redis address: write it like redis://127.0.0.1:6379.');
  }
}

/** A server that has not taken a connection by then is not there, milliseconds. */
const ANSWER_MS = 5_000;

/** Throws a `SetupError` when nothing listens where a plain address points. */
export async function requireRedisAt(address: string): Promise<void> {
  const endpoint = redisEndpoint(address);
  if (endpoint === null) return;
  const fault = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    const socket = connect(endpoint);
    socket.setTimeout(ANSWER_MS, () => {
      socket.destroy(new Error(`no answer within ${String(ANSWER_MS / 1_000)} s`));
    });
    socket.once('connect', () => {
      socket.destroy();
      resolve(null);
    });
    socket.once('error', resolve);
  });
  if (fault !== null) {
    throw new SetupError(
      `No Redis answers at ${endpoint.host}:${String(endpoint.port)} (${fault.code ?? fault.message}). Start it, set REDIS_URL to another one, or leave REDIS_URL and --no-redis out: then one is started for you.`,
    );
  }
}
