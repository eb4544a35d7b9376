import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { Allowlist } from '../guard/allowlist.js';
import { GuardedClient } from '../guard/guarded-client.js';
import { localServer } from '../testing/local-server.js';
import { deliver, type WebhookDelivery, retryPauseMs, createWebhookSecret, isWebhookSecret } from './deliver.js';

const HOUR_MS = 3_600_000;

function schedule(random: () => number): number[] {
  const pauses: number[] = [];
  let nowMs = 1_000_000;
  for (let attempt = 1; ; attempt++) {
    const pause = retryPauseMs({ attempt, firstAtMs: 1_000_000, nowMs, retryAfterMs: null, random });
    if (pause === null) return pauses;
    pauses.push(pause);
    nowMs += pause;
  }
}

test('Pauses grow from five seconds to four hours, and fill a day', () => {
  assert.deepEqual(
    schedule(() => 0.5),
    [5, 20, 80, 320, 1_280, 5_120, ...Array<number>(5).fill(14_400)].map((seconds) => seconds * 1_000),
  );
});

test('Every pause is spread by a fifth to either side, and the day is kept whatever chance says', () => {
  const [soon, late] = [schedule(() => 0), schedule(() => 1)];
  assert.equal(soon[0], 4_000);
  assert.equal(late[0], 6_000);
  for (const pauses of [soon, late]) {
    const sumMs = pauses.reduce((sum, pause) => sum + pause, 0);
    assert.ok(sumMs <= 24 * HOUR_MS && sumMs > 18 * HOUR_MS);
  }
});

test('A receiver that asks for a longer pause gets it, up to an hour', () => {
  const failed = { attempt: 1, firstAtMs: 0, nowMs: 0, random: () => 0.5 };
  assert.equal(retryPauseMs({ ...failed, retryAfterMs: 60_000 }), 60_000);
  assert.equal(retryPauseMs({ ...failed, retryAfterMs: 1 }), 5_000);
  assert.equal(retryPauseMs({ ...failed, retryAfterMs: 100 * HOUR_MS }), HOUR_MS);
});

test('After a day it ends, also when the clock jumped or nobody was there meanwhile', () => {
  assert.equal(retryPauseMs({ attempt: 2, firstAtMs: 0, nowMs: 24 * HOUR_MS, retryAfterMs: null }), null);
  assert.equal(retryPauseMs({ attempt: 1_000, firstAtMs: 0, nowMs: 24 * HOUR_MS, retryAfterMs: null }), null);
});

test('A new secret is one, and no two are equal', () => {
  const secrets = [createWebhookSecret(), createWebhookSecret()];
  assert.ok(secrets.every(isWebhookSecret));
  assert.notEqual(secrets[0], secrets[1]);
});

test('Secrets without prefix, too short, too long or not in base64 are refused', () => {
  const of = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
  assert.ok(isWebhookSecret(of(24)) && isWebhookSecret(of(64)));
  for (const secret of [of(23), of(65), of(32).slice(6), `${of(32)} `, of(32).replace('B', '*'), 'whsec_', ''])
    assert.equal(isWebhookSecret(secret), false);
});

const secret = createWebhookSecret();
const payload = JSON.stringify({
  type: 'job.done',
  timestamp: '2026-01-01T00:00:00Z',
  data: { id: 'j1', note: 'größer' },
});

function clientFor(t: TestContext, allow: string): GuardedClient {
  const client = new GuardedClient({
    allowlist: Allowlist.parse(allow),
    resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  });
  t.after(() => client.close());
  return client;
}

function delivery(url: string, more: Partial<WebhookDelivery> = {}): WebhookDelivery {
  return { url, secret, id: 'msg_1', payload, attempt: 1, ...more };
}

/** The sample from the documentation, as a process of its own; `lines` is what it printed since. */
async function receiver(
  t: TestContext,
): Promise<{ readonly url: string; readonly host: string; readonly lines: string[] }> {
  const sample = fileURLToPath(new URL('../../../../docs/samples/webhook-receiver.mjs', import.meta.url));
  const child = spawn(process.execPath, [sample], {
    env: { PORT: '0', WEBHOOK_SECRET: secret },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const [first] = (await once(reader, 'line')) as [string];
  reader.on('line', (line) => {
    lines.push(line);
  });
  const host = `127.0.0.1:${/\d+/.exec(first)?.[0] ?? ''}`;
  return { url: `http://${host}/`, host, lines };
}

test('A delivery is signed over exactly what is sent, and 2xx is success', async (t) => {
  const seen: { headers: IncomingHttpHeaders; body: string; method: string | undefined }[] = [];
  const { url, host } = await localServer(t, (request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      seen.push({ headers: request.headers, body: Buffer.concat(pieces).toString(), method: request.method });
      response.writeHead(202).end('canary phrase');
    });
  });
  const outcome = await deliver(delivery(`${url}/hook`, { attempt: 3 }), { client: clientFor(t, host) });
  assert.deepEqual(
    { ...outcome, durationMs: 0 },
    { outcome: 'delivered', attempt: 3, status: 202, durationMs: 0, error: null, retryAfterMs: null },
  );
  const [request] = seen;
  assert.ok(request);
  assert.equal(request.body, payload);
  assert.equal(request.method, 'POST');
  assert.equal(request.headers['content-type'], 'application/json');
  assert.equal(request.headers['webhook-id'], 'msg_1');
  assert.deepEqual(
    new Webhook(secret).verify(request.body, request.headers as Record<string, string>),
    JSON.parse(payload),
  );
  assert.throws(() =>
    new Webhook(createWebhookSecret()).verify(request.body, request.headers as Record<string, string>),
  );
});

test('410 ends it, any other status asks for a retry, and nothing that was answered is told', async (t) => {
  const { url, host } = await localServer(t, (request, response) => {
    response
      .writeHead(Number(request.url?.slice(1)), { 'retry-after': '7', 'x-canary': 'canary phrase' })
      .end('canary phrase');
  });
  const client = clientFor(t, host);
  for (const [status, outcome] of [
    [204, 'delivered'],
    [410, 'gone'],
    [400, 'retry'],
    [404, 'retry'],
    [429, 'retry'],
    [500, 'retry'],
    [503, 'retry'],
  ] as const) {
    const told = await deliver(delivery(`${url}/${String(status)}`), { client });
    assert.equal(told.outcome, outcome);
    assert.equal(told.status, status);
    assert.equal(told.error, outcome === 'delivered' ? null : 'status');
    assert.equal(told.retryAfterMs, outcome === 'delivered' ? null : 7_000);
    assert.doesNotMatch(JSON.stringify(told), /canary/);
  }
});

test('A receiver may ask for a pause by a date', async (t) => {
  const { url, host } = await localServer(t, (request, response) => {
    response
      .writeHead(503, { 'retry-after': request.url === '/date' ? 'Thu, 01 Jan 2026 00:01:00 GMT' : 'soon' })
      .end();
  });
  const options = { client: clientFor(t, host), now: () => Date.parse('2026-01-01T00:00:00Z') };
  assert.equal((await deliver(delivery(`${url}/date`), options)).retryAfterMs, 60_000);
  assert.equal((await deliver(delivery(url), options)).retryAfterMs, null);
});

test('Private addresses, by number or by name, are not connected to, and redirects are not followed', async (t) => {
  const canary = await localServer(t);
  const client = clientFor(t, '');
  for (const url of [
    canary.url,
    `http://hooks.example:${String(canary.port)}/`,
    `http://[::ffff:7f00:1]:${String(canary.port)}/`,
    `http://u:p@${canary.host}/`,
    'file:///etc/passwd',
    'no url',
  ]) {
    const { outcome, error, status } = await deliver(delivery(url), { client });
    assert.deepEqual([outcome, error, status], ['retry', 'url_not_allowed', null], url);
  }
  const front = await localServer(t, (_request, response) => {
    response.writeHead(307, { location: canary.url }).end();
  });
  const { outcome, status } = await deliver(delivery(front.url), {
    client: clientFor(t, `127.0.0.1:${String(front.port)},127.0.0.1:${String(canary.port)}`),
  });
  assert.deepEqual([outcome, status], ['retry', 307]);
  assert.equal(canary.connections(), 0);
});

test('A receiver that is silent or sends its headers drop by drop is left when the time is over', async (t) => {
  const { url, host } = await localServer(t, (request, response) => {
    if (request.url === '/silent') return;
    const timer = setInterval(() => {
      response.socket?.write('H');
    }, 5);
    response.on('close', () => {
      clearInterval(timer);
    });
    response.socket?.write('HTTP/1.1 200 OK\r\nx: ');
  });
  for (const path of ['/silent', '/drops']) {
    const { outcome, error, status } = await deliver(delivery(url + path), {
      client: clientFor(t, host),
      timeoutMs: 60,
    });
    assert.deepEqual([outcome, error, status], ['retry', 'timeout', null], path);
  }
});

test('An answer whose body never ends counts by its status, and only a bounded part of it is taken', async (t) => {
  let written = 0;
  const { url, host } = await localServer(t, (request, response) => {
    if (request.url === '/stalls') {
      response.write('x');
      return;
    }
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384))) written += 16_384;
    };
    response.on('drain', more);
    more();
  });
  const client = clientFor(t, host);
  assert.equal((await deliver(delivery(`${url}/endless`), { client })).outcome, 'delivered');
  assert.ok(written < 64 * 1_048_576);
  assert.equal((await deliver(delivery(`${url}/stalls`), { client, timeoutMs: 2_000 })).outcome, 'delivered');
});

test('A receiver that is not there asks for a retry', async (t) => {
  const told = await deliver(delivery('http://127.0.0.1:1/'), { client: clientFor(t, '127.0.0.1:1') });
  assert.deepEqual([told.outcome, told.error], ['retry', 'unreachable']);
});

test('An id or a secret that is none is a fault of ours, told without the secret', async (t) => {
  const client = clientFor(t, '');
  for (const id of ['', 'a b', 'a.b', 'a\r\nx: y', 'a'.repeat(129)])
    await assert.rejects(deliver(delivery('http://x.example', { id }), { client }), TypeError);
  for (const bad of ['whsec_', 'whsec_***hunter2***', '']) {
    await assert.rejects(
      deliver(delivery('http://x.example', { secret: bad }), { client }),
      (error: Error) => error instanceof TypeError && !error.message.includes('hunter2'),
    );
  }
});

test('The sample receiver takes a delivery once, also when it is repeated with a new signature', async (t) => {
  const { url, host, lines } = await receiver(t);
  const client = clientFor(t, host);
  const nowMs = Date.now();
  assert.equal((await deliver(delivery(url), { client, now: () => nowMs })).status, 204);
  assert.equal((await deliver(delivery(url, { attempt: 2 }), { client, now: () => nowMs + 1_000 })).status, 204);
  assert.equal((await deliver(delivery(url, { id: 'msg_2' }), { client })).status, 204);
  while (lines.length < 2)
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  assert.deepEqual(lines, ['job.done j1', 'job.done j1']);
});

test('The sample receiver refuses a recording played again, an altered body, another secret, an old or future time and missing headers', async (t) => {
  const { url, host, lines } = await receiver(t);
  const client = clientFor(t, host);
  const nowMs = Date.now();
  assert.equal((await deliver(delivery(url), { client, now: () => nowMs })).status, 204);
  assert.equal((await deliver(delivery(url), { client, now: () => nowMs })).status, 409, 'played again');
  for (const shiftMs of [-301_000, 302_000])
    assert.equal((await deliver(delivery(url, { id: 'msg_3' }), { client, now: () => nowMs + shiftMs })).status, 401);
  assert.equal((await deliver(delivery(url, { id: 'msg_4', secret: createWebhookSecret() }), { client })).status, 401);
  const headers = {
    'webhook-id': 'msg_5',
    'webhook-timestamp': String(Math.floor(nowMs / 1_000)),
    'webhook-signature': new Webhook(secret).sign('msg_5', new Date(nowMs), payload),
  };
  assert.equal(
    (await fetch(url, { method: 'POST', headers, body: payload.replace('j1', 'j2') })).status,
    401,
    'altered',
  );
  assert.equal(
    (await fetch(url, { method: 'POST', headers: { ...headers, 'webhook-id': 'msg_6' }, body: payload })).status,
    401,
    'other id',
  );
  assert.equal((await fetch(url, { method: 'POST', body: payload })).status, 401, 'no headers');
  assert.equal((await fetch(url)).status, 405);
  assert.equal((await fetch(url, { method: 'POST', body: 'x'.repeat(1_100_000) })).status, 413);
  assert.deepEqual(lines, ['job.done j1']);
});
