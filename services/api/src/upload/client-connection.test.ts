import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { fastify } from 'fastify';
import { drainRest } from './client-connection.js';

const LINGER_MS = 50;

describe('drainRest', () => {
  test('lets a client that goes on sending read its answer, then closes the connection', async (t) => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const client = request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', method: 'POST' });
    client.on('error', () => undefined);
    client.write('part of a body that never ends');
    const [message, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
    const closed = once(message.socket, 'close');
    response.end('refused');
    drainRest(message, LINGER_MS);
    const [answer] = (await once(client, 'response')) as [IncomingMessage];
    answer.resume();
    await closed;
  });

  test('gives up a request that came without a connection', async (t) => {
    const app = fastify();
    t.after(() => app.close());
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, payload, done) => {
      done(null, payload);
    });
    app.post('/', async (_request, reply) => reply.send('refused'));
    const closed = new Promise<void>((resolve) => {
      app.addHook('onResponse', (request, _reply, done) => {
        request.raw.once('close', resolve);
        drainRest(request.raw, LINGER_MS);
        done();
      });
    });
    const payload = new Readable({ read: () => undefined });
    payload.push('part of a body that never ends');
    await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'audio/wav' }, payload });
    // Keeps the process alive: the timer of the drain does not.
    const alive = setInterval(() => undefined, 1_000);
    await closed;
    clearInterval(alive);
  });
});
