import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { BodyReader } from './body-reader.js';

const RATE_OVER_MS = 200;

/** Reads an upload that sends `pieces` of so many bytes, `everyMs` apart; what became of it. */
async function upload(
  mustHurry: () => boolean,
  bytes: number,
  everyMs: number,
  pieces: number,
): Promise<number | string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', method: 'POST' });
  client.on('error', () => undefined);
  client.flushHeaders();
  const [message, response] = (await once(server, 'request')) as Parameters<
    Parameters<typeof createServer>[1] & object
  >;
  let sent = 0;
  const timer = setInterval(() => {
    if (sent++ < pieces) client.write(Buffer.alloc(bytes));
    else client.end();
  }, everyMs);
  const body = new BodyReader(
    message,
    response,
    { maxBytes: 1e9, idleTimeoutMs: 60_000, totalTimeoutMs: 60_000, mustHurry },
    new AbortController().signal,
    RATE_OVER_MS,
  );
  try {
    while ((await body.read()) !== null);
    return body.bytes;
  } catch (error) {
    return AsrError.from(error).code;
  } finally {
    clearInterval(timer);
    client.destroy();
    server.closeAllConnections();
    server.close();
  }
}

test('An upload that comes at a trickle is ended while places are scarce, and goes on while they are not', async () => {
  assert.equal(await upload(() => true, 1, 40, 1_000), 'upload_timeout');
  assert.equal(await upload(() => false, 1, 40, 15), 15);
  let scarce = false;
  const later = setTimeout(() => {
    scarce = true;
  }, RATE_OVER_MS * 3);
  assert.equal(await upload(() => scarce, 1, 40, 1_000), 'upload_timeout', 'also when they become so later');
  clearTimeout(later);
});

test('An upload that comes at a rate is let be', async () => {
  assert.equal(await upload(() => true, 2_000, 40, 15), 30_000);
});
