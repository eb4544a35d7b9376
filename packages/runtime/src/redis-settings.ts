import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { EnvironmentError, type parseEnvironment } from './environment.js';

/** Where a Redis or one of its Sentinels listens. */
export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

/** How connections to Redis are encrypted; texts of PEM files. */
export interface RedisTls {
  /** Null for the authorities that Node.js knows. */
  readonly ca: string | null;
  /** Null where the server asks for no client certificate. */
  readonly client: { readonly cert: string; readonly key: string } | null;
  /** The name that certificates must bear; null for the host that is connected to. */
  readonly serverName: string | null;
}

interface RedisLogin {
  readonly username: string | null;
  readonly password: string | null;
}

/** Which Redis the services use and how they get there. */
export type RedisSettings = RedisLogin & { /** Null for connections in the clear. */ readonly tls: RedisTls | null } & (
    | { readonly kind: 'single'; readonly host: RedisHost; readonly database: number }
    /** A master that Sentinels name, and name again after a failover. */
    | {
        readonly kind: 'sentinel';
        readonly sentinels: readonly RedisHost[];
        readonly sentinelLogin: RedisLogin;
        readonly masterName: string;
        readonly database: number;
      }
    /** @param nodes some nodes of the cluster; they tell of the others */
    | { readonly kind: 'cluster'; readonly nodes: readonly RedisHost[] }
  );

const REDIS_PORT = 6_379;
const SENTINEL_PORT = 26_379;
const NO_LOGIN: RedisLogin = { username: null, password: null };

const FORMS =
  'must be redis://[[user]:password@]host[:port][/database], ' +
  'redis+sentinel://[[user]:password@]host[:port][,host[:port]…]/master-name[/database] or ' +
  'redis+cluster://[[user]:password@]host[:port][,host[:port]…]; with rediss in place of redis for TLS';

/** An address of Redis, of Sentinels or of a Redis Cluster. */
export const redisUrlVariable = z.string().superRefine((value, context) => {
  try {
    parseRedisUrl(value);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
  }
});

/** The variables of the connection to Redis, for the shape of a service's environment. */
export const redisVariables = {
  REDIS_URL: redisUrlVariable.default(`redis://127.0.0.1:${String(REDIS_PORT)}`),
  /** PEM file of the authorities that sign the server's certificate. */
  REDIS_CA_FILE: z.string().optional(),
  /** PEM files of the client's certificate and its key. */
  REDIS_CERT_FILE: z.string().optional(),
  REDIS_KEY_FILE: z.string().optional(),
  /** The name that the server's certificate bears, where it is not that of the host. */
  REDIS_TLS_SERVER_NAME: z.string().optional(),
  REDIS_SENTINEL_USERNAME: z.string().optional(),
  REDIS_SENTINEL_PASSWORD: z.string().optional(),
};

/** The settings that the variables mean. Throws `EnvironmentError` when they do not fit together or a file cannot be read. */
export function redisSettings(variables: ReturnType<typeof parseEnvironment<typeof redisVariables>>): RedisSettings {
  const settings = parseRedisUrl(variables.REDIS_URL);
  const {
    REDIS_CA_FILE: ca,
    REDIS_CERT_FILE: cert,
    REDIS_KEY_FILE: key,
    REDIS_TLS_SERVER_NAME: serverName,
  } = variables;
  if ((cert === undefined) !== (key === undefined))
    throw new EnvironmentError('REDIS_CERT_FILE, REDIS_KEY_FILE: set both, or neither');
  for (const name of ['REDIS_CA_FILE', 'REDIS_CERT_FILE', 'REDIS_TLS_SERVER_NAME'] as const) {
    if (variables[name] !== undefined && settings.tls === null)
      throw new EnvironmentError(`${name}: is for a REDIS_URL that begins with rediss`);
  }
  const { REDIS_SENTINEL_USERNAME: username = null, REDIS_SENTINEL_PASSWORD: password = null } = variables;
  if ((username !== null || password !== null) && settings.kind !== 'sentinel')
    throw new EnvironmentError(
      'REDIS_SENTINEL_USERNAME, REDIS_SENTINEL_PASSWORD: are for a REDIS_URL that names Sentinels',
    );
  const tls =
    settings.tls === null
      ? null
      : {
          ca: ca === undefined ? null : pem('REDIS_CA_FILE', ca),
          client:
            cert === undefined || key === undefined
              ? null
              : { cert: pem('REDIS_CERT_FILE', cert), key: pem('REDIS_KEY_FILE', key) },
          serverName: serverName ?? null,
        };
  return settings.kind === 'sentinel'
    ? { ...settings, tls, sentinelLogin: { username, password } }
    : { ...settings, tls };
}

/** Reads an address. Throws an `Error` that names what is wrong or the forms there are, and never repeats the address: it may hold a password. */
export function parseRedisUrl(url: string): RedisSettings {
  // A password may hold any character but what has to be escaped to be told from the rest: the last @ ends it.
  const parts = /^(rediss?)(\+sentinel|\+cluster)?:\/\/(?:(.*)@)?([^@/?#]+)(\/[^?#]*)?$/is.exec(url);
  if (parts === null) throw new Error(FORMS);
  const [, scheme = '', suffix = '', login, hosts = '', path = ''] = parts;
  const common = {
    ...loginOf(login),
    tls: scheme.toLowerCase() === 'rediss' ? { ca: null, client: null, serverName: null } : null,
  };
  const segments = path
    .split('/')
    .slice(1)
    .map(unescaped)
    .filter((segment) => segment !== '');
  switch (suffix.toLowerCase()) {
    case '+sentinel': {
      const [masterName, database] = segments;
      if (masterName === undefined || segments.length > 2)
        throw new Error(`names no master after the Sentinels: ${FORMS}`);
      return {
        kind: 'sentinel',
        ...common,
        sentinels: hostsOf(hosts, SENTINEL_PORT),
        sentinelLogin: NO_LOGIN,
        masterName,
        database: databaseOf(database),
      };
    }
    case '+cluster':
      if (segments.length > 1 || databaseOf(segments[0]) !== 0)
        throw new Error('names a database; a Redis Cluster has only database 0');
      return { kind: 'cluster', ...common, nodes: hostsOf(hosts, REDIS_PORT) };
    default: {
      const [host, ...others] = hostsOf(hosts, REDIS_PORT);
      if (host === undefined || segments.length > 1) throw new Error(FORMS);
      if (others.length > 0) throw new Error(`names several hosts, which only Sentinels and a Cluster have: ${FORMS}`);
      return { kind: 'single', ...common, host, database: databaseOf(segments[0]) };
    }
  }
}

function loginOf(text: string | undefined): RedisLogin {
  if (text === undefined || text === '') return NO_LOGIN;
  const colon = text.indexOf(':');
  if (colon < 0) throw new Error(`names a user without a password: ${FORMS}`);
  const [username, password] = [unescaped(text.slice(0, colon)), unescaped(text.slice(colon + 1))];
  return { username: username === '' ? null : username, password: password === '' ? null : password };
}

function hostsOf(text: string, defaultPort: number): RedisHost[] {
  return text.split(',').map((entry) => {
    const parts = /^(?:\[([0-9a-f:.%]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(entry.trim());
    const host = parts?.[1] ?? parts?.[2];
    const port = Number(parts?.[3] ?? defaultPort);
    if (host === undefined || port < 1 || port > 65_535) throw new Error(FORMS);
    return { host, port };
  });
}

function databaseOf(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,4}$/.test(text)) throw new Error(`names no number as the database: ${FORMS}`);
  return Number(text);
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('has a % that begins no escape: write %25 for a %');
  }
}

function pem(name: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new EnvironmentError(
      `${name}: the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`,
    );
  }
  if (!text.includes('-----BEGIN ')) throw new EnvironmentError(`${name}: the file is not in PEM format`);
  return text;
}
