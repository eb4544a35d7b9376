import type { Ports } from './ports.js';

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
