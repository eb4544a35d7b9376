import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EnvironmentError, parseEnvironment } from './environment.js';
import { parseRedisUrl, redisSettings, redisVariables, type RedisSettings } from './redis-settings.js';

const PLAIN = { username: null, password: null, tls: null };
const TLS = { ca: null, client: null, serverName: null };
const NO_LOGIN = { username: null, password: null };

function settings(environment: Record<string, string>): RedisSettings {
  return redisSettings(parseEnvironment(redisVariables, environment));
}

test('An address names one server, the master of Sentinels or a Cluster, in the clear or by TLS', () => {
  const read: [string, RedisSettings][] = [
    ['redis://127.0.0.1', { kind: 'single', ...PLAIN, host: { host: '127.0.0.1', port: 6379 }, database: 0 }],
    [
      'redis://:p%40ss@redis.example:6400/3',
      { kind: 'single', ...PLAIN, password: 'p@ss', host: { host: 'redis.example', port: 6400 }, database: 3 },
    ],
    [
      'rediss://user:p/w@with:colons@[::1]:6400/',
      {
        kind: 'single',
        username: 'user',
        password: 'p/w@with:colons',
        tls: TLS,
        host: { host: '::1', port: 6400 },
        database: 0,
      },
    ],
    [
      'redis+sentinel://a,b:26400/speech',
      {
        kind: 'sentinel',
        ...PLAIN,
        sentinels: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 26400 },
        ],
        sentinelLogin: NO_LOGIN,
        masterName: 'speech',
        database: 0,
      },
    ],
    [
      'rediss+sentinel://:pw@[fe80::1],a/speech/2',
      {
        kind: 'sentinel',
        username: null,
        password: 'pw',
        tls: TLS,
        sentinels: [
          { host: 'fe80::1', port: 26379 },
          { host: 'a', port: 26379 },
        ],
        sentinelLogin: NO_LOGIN,
        masterName: 'speech',
        database: 2,
      },
    ],
    [
      'REDIS+CLUSTER://u:p@a:7000,b',
      {
        kind: 'cluster',
        username: 'u',
        password: 'p',
        tls: null,
        nodes: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 6379 },
        ],
      },
    ],
    ['rediss+cluster://a/0', { kind: 'cluster', ...PLAIN, tls: TLS, nodes: [{ host: 'a', port: 6379 }] }],
  ];
  for (const [url, meant] of read) assert.deepEqual(parseRedisUrl(url), meant, url);
});

test('An address that is none is refused by its variable, with the forms there are and without its password', () => {
  const refused: [string, RegExp][] = [
    ['hunter2', /redis\+cluster:\/\//],
    ['http://:hunter2@h', /redis\+sentinel:\/\//],
    ['redis://', /must be redis:\/\//],
    ['redis://:hunter2@', /must be redis:\/\//],
    ['redis://:hunter2@h:99999', /must be redis:\/\//],
    ['redis://:hunter2@h:port', /must be redis:\/\//],
    ['redis://:hunter2@h/x', /no number as the database/],
    ['redis://:hunter2@a,b', /several hosts.*redis\+cluster/],
    ['redis+sentinel://:hunter2@a,b', /names no master/],
    ['redis+sentinel://:hunter2@a/m/0/1', /names no master/],
    ['redis+cluster://:hunter2@a/1', /only database 0/],
    ['redis://hunter2@h', /user without a password/],
    ['redis://:hunter2%@h', /%25/],
    ['redis://:hunter2@h?db=1', /must be redis:\/\//],
    ['redis+cluster://a,,b', /must be redis:\/\//],
  ];
  for (const [url, reason] of refused) {
    assert.throws(
      () => settings({ REDIS_URL: url }),
      (error: Error) =>
        error instanceof EnvironmentError &&
        /REDIS_URL/.test(error.message) &&
        reason.test(error.message) &&
        !/hunter2/.test(error.message),
      url,
    );
  }
});

test('Certificates come from files, and what does not fit the address is refused by name', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'murmuration-pem-'));
  const [pem, other] = [join(dir, 'pem'), join(dir, 'other')];
  await Promise.all([writeFile(pem, '-----BEGIN CERTIFICATE-----\n'), writeFile(other, 'text')]);
  const text = '-----BEGIN CERTIFICATE-----\n';
  assert.deepEqual(
    settings({
      REDIS_URL: 'rediss://h',
      REDIS_CA_FILE: pem,
      REDIS_CERT_FILE: pem,
      REDIS_KEY_FILE: pem,
      REDIS_TLS_SERVER_NAME: 'name',
    }).tls,
    { ca: text, client: { cert: text, key: text }, serverName: 'name' },
  );
  const sentinel = settings({
    REDIS_URL: 'redis+sentinel://:pw@h/m',
    REDIS_SENTINEL_USERNAME: 'u',
    REDIS_SENTINEL_PASSWORD: 'p',
  });
  assert.ok(sentinel.kind === 'sentinel');
  assert.deepEqual([sentinel.password, sentinel.sentinelLogin], ['pw', { username: 'u', password: 'p' }]);
  const refused: [Record<string, string>, RegExp][] = [
    [{ REDIS_URL: 'redis://h', REDIS_CA_FILE: pem }, /REDIS_CA_FILE/],
    [{ REDIS_URL: 'rediss://h', REDIS_CA_FILE: join(dir, 'absent') }, /REDIS_CA_FILE.*ENOENT/],
    [{ REDIS_URL: 'rediss://h', REDIS_CA_FILE: other }, /REDIS_CA_FILE.*PEM/],
    [{ REDIS_URL: 'rediss://h', REDIS_CERT_FILE: pem }, /REDIS_KEY_FILE/],
    [{ REDIS_URL: 'redis://h', REDIS_SENTINEL_PASSWORD: 'hunter2' }, /REDIS_SENTINEL_PASSWORD/],
  ];
  for (const [environment, name] of refused)
    assert.throws(
      () => settings(environment),
      (error: Error) => error instanceof EnvironmentError && name.test(error.message) && !/hunter2/.test(error.message),
      String(name),
    );
  await rm(dir, { recursive: true });
});
