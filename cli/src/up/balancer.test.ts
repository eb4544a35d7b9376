import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  createServer,
  request,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Backend, Balancer } from './balancer.js';
import { freePort } from './ports.js';

interface Parts {
  readonly url: string;
  readonly port: number;
  readonly backends: readonly Backend[];
  readonly servers: readonly Server[];
  /** Which servers answered, in order. */
  readonly answered: number[];
}

/** A balancer before two HTTP servers, number 0 and 1; `answer` is what they do, by default they say their number. */
async function withBalancer(work: (parts: Parts) => Promise<void>, answer?: RequestListener): Promise<void> {
  const answered: number[] = [];
  const servers = [0, 1].map((number) =>
    createServer((asked, response) => {
      answered.push(number);
      if (answer === undefined) response.end(String(number));
      else answer(asked, response);
    }),
  );
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const backends = servers.map(() => new Backend(() => Promise.resolve(true)));
  for (const backend of backends) backend.isReady = true;
  const balancer = new Balancer(
    backends.map((backend, i) => ({ backend, port: (servers[i]?.address() as AddressInfo).port })),
  );
  const port = await freePort();
  await balancer.listen(port, '127.0.0.1');
  try {
    await work({ url: `http://127.0.0.1:${String(port)}`, port, backends, servers, answered });
  } finally {
    balancer.destroy();
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  }
}

async function say(url: string): Promise<string> {
  return await (await fetch(url, { headers: { connection: 'close' } })).text();
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

test('Connections are shared out evenly, and one that is open counts', async () => {
  await withBalancer(async ({ url, port, backends, answered }) => {
    for (let i = 0; i < 4; i += 1) await say(url);
    assert.deepEqual([...answered].sort(), [0, 0, 1, 1]);
    const open: Socket[] = [];
    for (let i = 0; i < 6; i += 1) open.push(connect(port, '127.0.0.1'));
    await until(() => backends.every(({ connections }) => connections === 3));
    for (const socket of open) socket.destroy();
    await until(() => backends.every(({ connections }) => connections === 0));
  });
});

test('A backend that is not ready gets nothing while another is, and one that cannot be reached is passed over', async () => {
  await withBalancer(async ({ url, backends, servers, answered }) => {
    const [first, second] = backends;
    assert.ok(first !== undefined && second !== undefined);
    first.isReady = false;
    for (let i = 0; i < 4; i += 1) assert.equal(await say(url), '1');
    first.isReady = true;
    servers[1]?.close();
    servers[1]?.closeAllConnections();
    for (let i = 0; i < 4; i += 1) assert.equal(await say(url), '0');
    assert.equal(second.isReady, false);
    assert.ok(answered.length === 8);
  });
});

test('A backend is ready when its probe says so, and asked again and again', async () => {
  let ready = false;
  const backend = new Backend(() => Promise.resolve(ready));
  await backend.watch();
  assert.equal(backend.isReady, false);
  ready = true;
  await until(() => backend.isReady);
  backend.unwatch();
});

test('Without any backend the connection ends', async () => {
  await withBalancer(async ({ url, servers }) => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
    await assert.rejects(say(url), /fetch failed/);
  });
});

test('Events arrive as they are written, and a client that leaves is noticed', async () => {
  let left = false;
  await withBalancer(
    async ({ url }) => {
      const response = await new Promise<IncomingMessage>((resolve) => {
        request(url, resolve).end();
      });
      const [first] = (await once(response, 'data')) as [Buffer];
      assert.equal(first.toString(), 'data: one\n\n');
      response.destroy();
      await until(() => left);
    },
    (_asked, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n');
      response.once('close', () => {
        left = true;
      });
    },
  );
});

test('An upgraded connection carries bytes both ways, and a half-closed one still gets its answer', async () => {
  await withBalancer(async ({ port, servers }) => {
    for (const server of servers) {
      server.on('upgrade', (_asked: IncomingMessage, socket: Socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
        let heard = '';
        socket.on('data', (data: Buffer) => {
          heard += data.toString();
        });
        socket.on('end', () => {
          socket.end(`heard ${heard}`);
        });
      });
    }
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let text = '';
    socket.on('data', (data: Buffer) => {
      text += data.toString();
    });
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
    await until(() => text.includes('101'));
    socket.end('speech');
    await once(socket, 'close');
    assert.match(text, /heard speech$/);
  });
});

test('An upload is held back while its server does not read, and arrives whole', async () => {
  const size = 64 * 1024 * 1024;
  let arrived: (upload: { readonly asked: IncomingMessage; readonly response: ServerResponse }) => void = () =>
    undefined;
  const upload = new Promise<{ readonly asked: IncomingMessage; readonly response: ServerResponse }>((resolve) => {
    arrived = resolve;
  });
  await withBalancer(
    async ({ url }) => {
      const outgoing = request(url, { method: 'POST', headers: { 'content-length': size } });
      const answered = once(outgoing, 'response');
      const piece = Buffer.alloc(1024 * 1024);
      let sent = 0;
      let isHeld = false;
      /** Whether there is room for more within `ms`. */
      const write = async (ms: number): Promise<boolean> => {
        sent += piece.length;
        return (
          outgoing.write(piece) ||
          (await once(outgoing, 'drain', { signal: AbortSignal.timeout(ms) }).then(
            () => true,
            () => false,
          ))
        );
      };
      while (!isHeld && sent < size) isHeld = !(await write(1_000));
      assert.ok(isHeld);
      const { asked, response } = await upload;
      let read = 0;
      asked.on('data', (data: Buffer) => {
        read += data.length;
      });
      asked.on('end', () => {
        response.end();
      });
      while (sent < size) await write(60_000);
      outgoing.end();
      const [reply] = (await answered) as [IncomingMessage];
      reply.resume();
      assert.equal(read, size);
    },
    (asked, response) => {
      arrived({ asked, response });
    },
  );
});

test('An answer that comes while the client is still sending reaches it', async () => {
  await withBalancer(
    async ({ url }) => {
      const outgoing = request(url, { method: 'POST' });
      outgoing.on('error', () => undefined);
      const answered = once(outgoing, 'response');
      const sending = setInterval(() => {
        outgoing.write(Buffer.alloc(256 * 1024));
      }, 1);
      const [response] = (await answered) as [IncomingMessage];
      clearInterval(sending);
      assert.equal(response.statusCode, 413);
      let text = '';
      for await (const piece of response as AsyncIterable<Buffer>) text += piece.toString();
      assert.equal(text, 'too large');
      outgoing.destroy();
    },
    (asked, response) => {
      // It reads on, as the HTTP service does: closing over unread bytes would take the answer from its client, balancer or not.
      asked.resume().once('data', () => {
        response.writeHead(413).end('too large');
      });
    },
  );
});
