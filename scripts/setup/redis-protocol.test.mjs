import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { askRedis } from './redis-protocol.mjs';

/** What `askRedis` makes of an answer that arrives in these pieces. */
async function answerTo(pieces) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      void (async () => {
        for (const piece of pieces) {
          socket.write(piece);
          await new Promise((resolve) => { setImmediate(resolve); });
        }
        socket.end();
      })();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await askRedis({ port: server.address().port }, ['PING']);
  } finally {
    server.close();
  }
}

test('Replies are understood, also when they arrive in pieces', async () => {
  assert.equal(await answerTo(['+PO', 'NG\r\n']), 'PONG');
  assert.equal(await answerTo([':7\r\n']), 7);
  assert.equal(await answerTo(['$-1\r\n']), null);
  assert.deepEqual(await answerTo(['*2\r\n$3\r\nd', 'ir\r\n$4\r\n/tmp', '\r\n']), ['dir', '/tmp']);
});

test('An error reply, another protocol and a closed connection are told apart', async () => {
  await assert.rejects(answerTo(['-LOADING wait\r\n']), { name: 'RedisReplyError', message: 'LOADING wait' });
  await assert.rejects(answerTo(['HTTP/1.1 400 Bad Request\r\n\r\n']), /no Redis/);
  await assert.rejects(answerTo([]), /closed/);
});
