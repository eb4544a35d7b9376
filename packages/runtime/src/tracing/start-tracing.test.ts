import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { SPAN, placeOf, traceparentOf, NO_SPAN } from './tracing.js';
import { startTracing } from './start-tracing.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const VALID = `00-${TRACE}-b7ad6b7169203331-01`;

function isSdkLoaded(): boolean {
  return Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('@opentelemetry'));
}

describe('traceparent', () => {
  test('is taken in the form of the standard alone', () => {
    assert.equal(traceparentOf(VALID), VALID);
    assert.deepEqual(placeOf(VALID), { traceId: TRACE, spanId: 'b7ad6b7169203331', flags: 1 });
    for (const value of [
      undefined,
      '',
      [VALID],
      VALID.toUpperCase(),
      VALID.replace('00-', '01-'),
      VALID.replace('00-', 'ff-'),
      `${VALID}-x`,
      ` ${VALID}`,
      `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
      `00-${TRACE}-0000000000000000-01`,
      'x'.repeat(100_000),
    ])
      assert.equal(traceparentOf(value), null, String(value).slice(0, 80));
  });
});

describe('Tracing', () => {
  test('without an endpoint is off and does not load the SDK; with one it does, and sends what was made before the end', async () => {
    const off = await startTracing('api', undefined, () => undefined);
    assert.deepEqual([off.on, off.start(SPAN.intake, { parent: VALID }), isSdkLoaded()], [false, NO_SPAN, false]);
    const sent: unknown[] = [];
    const server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        sent.push(request.url, JSON.parse(Buffer.concat(pieces).toString('utf8')));
        response.end('{}');
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const tracing = await startTracing('api', `http://127.0.0.1:${String(port)}/`, () => undefined);
    assert.ok(isSdkLoaded());
    const span = tracing.start(SPAN.intake, { parent: VALID, links: [null, VALID] });
    assert.deepEqual([span.traceId, traceparentOf(span.traceparent)], [TRACE, span.traceparent]);
    span.end('queue_full');
    await tracing.close();
    server.closeAllConnections();
    server.close();
    const [url, body] = sent;
    assert.equal(url, '/v1/traces');
    const text = JSON.stringify(body);
    for (const part of [TRACE, 'b7ad6b7169203331', '"intake"', 'murmuration-api', 'queue_full'])
      assert.ok(text.includes(part), part);
  });

  test('where nothing listens costs the caller nothing, says so once, and ends in time', async () => {
    const said: string[] = [];
    const tracing = await startTracing('api', 'http://127.0.0.1:9', (message) => said.push(message));
    for (let i = 0; i < 5; i++) tracing.start(SPAN.batch).end();
    const startedMs = performance.now();
    await tracing.close();
    assert.ok(performance.now() - startedMs < 7_000);
    assert.ok(said.length <= 1, said.join());
  });
});
