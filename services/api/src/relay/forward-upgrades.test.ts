import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer, type ClientOptions } from 'ws';
import { testApp, type TestApp } from '../testing/test-app.js';

interface Relay {
  readonly url: string;
  readonly requests: IncomingMessage[];
  /** Sockets in the order in which they came. */
  readonly sockets: WebSocket[];
}

/** A relay that takes every handshake but those that ask to be refused, and echoes. */
async function echoRelay(t: TestContext, maxPayload = 200_000_000): Promise<Relay> {
  const relay = { requests: [] as IncomingMessage[], sockets: [] as WebSocket[] };
  const server = createServer();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload,
    handleProtocols: (offered) => [...offered].find((name) => !name.startsWith('murmuration.key.')) ?? false,
  });
  server.on('upgrade', (request, socket, head) => {
    relay.requests.push(request);
    if (request.url?.includes('refuse') === true) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer\r\ncontent-length: 2\r\n\r\nno');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (one) => {
      relay.sockets.push(one);
      // Of a message that is too large.
      one.on('error', () => undefined);
      one.on('message', (data: Buffer, binary) => {
        if (data.toString() === 'close') one.close(4_001, 'as asked');
        else one.send(data, { binary });
      });
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    for (const one of relay.sockets) one.terminate();
    server.close();
  });
  return { ...relay, url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}` };
}

interface Outcome {
  readonly socket: WebSocket;
  readonly closed: Promise<readonly [number, string]>;
}

/** Throws `status N: body` when the handshake is refused. */
function dial(
  t: TestContext,
  url: string,
  options: ClientOptions & { readonly protocols?: string[] } = {},
): Promise<Outcome> {
  const { protocols = [], ...rest } = options;
  const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, rest);
  t.after(() => {
    socket.terminate();
  });
  const closed = new Promise<readonly [number, string]>((resolve) => {
    socket.on('close', (code, reason) => {
      resolve([code, reason.toString()]);
    });
  });
  return new Promise((resolve, reject) => {
    socket
      .on('open', () => {
        resolve({ socket, closed });
      })
      .on('error', reject)
      .on('unexpected-response', (_request, response) => {
        let body = '';
        response
          .on('data', (data: Buffer) => {
            body += data.toString();
          })
          .on('end', () => {
            reject(new Error(`status ${String(response.statusCode)}: ${body}`));
          });
      });
  });
}

function next(socket: WebSocket): Promise<readonly [Buffer, boolean]> {
  return new Promise((resolve) => {
    socket.once('message', (data: Buffer, binary) => {
      resolve([data, binary]);
    });
  });
}

async function apiWith(
  t: TestContext,
  environment: Readonly<Record<string, string>>,
): Promise<TestApp & { readonly url: string }> {
  const app = await testApp(t, environment);
  return { ...app, url: await app.listen() };
}

describe('WebSockets on the HTTP endpoint', () => {
  test('Live paths reach the relay as they were asked for: path, query, headers, host and subprotocols; a key is not sent back.', async (t) => {
    const relay = await echoRelay(t);
    const { url } = await apiWith(t, { RELAY_URL: relay.url });
    for (const path of [
      '/ws/transcribe?ticket=t',
      '/v1/realtime?intent=transcription',
      '/v1/listen?model=x&keyterm=a%20b',
      '/v1/sessions/s-1/watch?last_event_id=1-0',
    ]) {
      const { socket } = await dial(t, `${url}${path}`, {
        headers: { authorization: 'Token k' },
        origin: 'http://localhost:3000',
        protocols: ['murmuration.key.secret', 'murmuration.v1'],
      });
      const request = relay.requests.at(-1);
      assert.equal(request?.url, path);
      assert.deepEqual(
        [request.headers.authorization, request.headers.origin, request.headers.host],
        ['Token k', 'http://localhost:3000', new URL(url).host],
      );
      assert.equal(socket.protocol, 'murmuration.v1');
      socket.send('text');
      assert.deepEqual(await next(socket), [Buffer.from('text'), false]);
    }
  });

  test('Binary messages pass whole and in order, and close codes pass both ways.', async (t) => {
    const relay = await echoRelay(t);
    const { url } = await apiWith(t, { RELAY_URL: relay.url });
    const { socket, closed } = await dial(t, `${url}/ws/transcribe`);
    const sent = Buffer.alloc(3_000_000, 'abcdefg');
    socket.send(sent);
    const [got, binary] = await next(socket);
    assert.ok(binary && got.equals(sent));
    socket.send('close');
    assert.deepEqual(await closed, [4_001, 'as asked']);
    const second = await dial(t, `${url}/ws/transcribe`);
    const seen = new Promise((resolve) => {
      relay.sockets.at(-1)?.on('close', (code: number) => {
        resolve(code);
      });
    });
    second.socket.close(4_002);
    assert.equal(await seen, 4_002);
  });

  test('What the relay refuses is refused in its own words.', async (t) => {
    const relay = await echoRelay(t);
    const { url } = await apiWith(t, { RELAY_URL: relay.url });
    await assert.rejects(dial(t, `${url}/ws/transcribe?refuse`), /status 401: no/);
  });

  test('A sender is slowed when the relay does not read.', async (t) => {
    const relay = await echoRelay(t);
    const { url } = await apiWith(t, { RELAY_URL: relay.url });
    const { socket } = await dial(t, `${url}/ws/transcribe`);
    const far = relay.sockets[0];
    far?.removeAllListeners('message');
    far?.pause();
    const frame = Buffer.alloc(1_000_000);
    for (let i = 0; i < 100; i++) socket.send(frame);
    let before = -1;
    while (socket.bufferedAmount !== before) {
      before = socket.bufferedAmount;
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
    assert.ok(before > 50_000_000);
    let bytes = 0;
    const all = new Promise<void>((resolve) => {
      far?.on('message', (data: Buffer) => {
        bytes += data.length;
        if (bytes === 100_000_000) resolve();
      });
    });
    far?.resume();
    await all;
  });

  test('A client that reads nothing until its message, which is too large, is sent finds the close code', async (t) => {
    const relay = await echoRelay(t, 1_000_000);
    const { url } = await apiWith(t, { RELAY_URL: relay.url });
    const { hostname, port, host } = new URL(url);
    const socket = connect(Number(port), hostname);
    t.after(() => socket.destroy());
    socket.write(
      `GET /ws/transcribe HTTP/1.1\r\nhost: ${host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
    );
    await once(socket, 'data');
    socket.pause();
    const body = Buffer.alloc(50_000_000);
    const head = Buffer.alloc(14);
    // A binary frame, whole and masked with zeros, with a length of 64 bits.
    head.writeUInt16BE(0x82ff);
    head.writeBigUInt64BE(BigInt(body.length), 2);
    socket.write(head);
    for (let at = 0; at < body.length; at += 1_000_000)
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.write(body.subarray(at, at + 1_000_000), () => {
          socket.off('error', reject);
          resolve();
        });
      });
    const [last] = (await once(socket.resume(), 'data')) as [Buffer];
    assert.deepEqual([last[0], last.readUInt16BE(2)], [0x88, 1009]);
  });

  test('The end of either side is the end of the other.', async (t) => {
    const relay = await echoRelay(t);
    const { url } = await apiWith(t, { RELAY_URL: relay.url });
    const first = await dial(t, `${url}/ws/transcribe`);
    const seen = new Promise((resolve) => {
      relay.sockets[0]?.on('close', (code: number) => {
        resolve(code);
      });
    });
    first.socket.terminate();
    assert.equal(await seen, 1006);
    const second = await dial(t, `${url}/ws/transcribe`);
    relay.sockets[1]?.terminate();
    assert.equal((await second.closed)[0], 1006);
  });

  test('Without a relay, without an answer of it, at another address and on a node that stops, the handshake is refused in words.', async (t) => {
    const alone = await apiWith(t, {});
    await assert.rejects(dial(t, `${alone.url}/ws/transcribe`), /status 404: .*RELAY_URL/);
    const off = await apiWith(t, { RELAY_URL: 'http://127.0.0.1:9', ENABLE_WEBSOCKET: 'false' });
    await assert.rejects(dial(t, `${off.url}/ws/transcribe`), /status 404/);
    const dead = await apiWith(t, { RELAY_URL: 'http://127.0.0.1:9' });
    await assert.rejects(dial(t, `${dead.url}/ws/transcribe`), /status 503: .*backend_unavailable/);
    await assert.rejects(dial(t, `${dead.url}/transcribe`), /status 404: .*not_found/);
    await assert.rejects(dial(t, `${dead.url}/v1/sessions/a/b/watch`), /status 404/);
    dead.stop();
    await assert.rejects(dial(t, `${dead.url}/ws/transcribe`), /status 503: .*shutting_down/);
  });

  test('A node that gives up what is left cuts its tunnels.', async (t) => {
    const relay = await echoRelay(t);
    const app = await apiWith(t, { RELAY_URL: relay.url });
    const { closed } = await dial(t, `${app.url}/v1/listen`);
    app.abandon();
    assert.equal((await closed)[0], 1006);
  });
});
