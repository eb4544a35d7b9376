import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { closeInOrder, unusedConnections } from './close-in-order.js';
import { HeldRequest } from './testing/held-request.js';
import { testApp } from './testing/test-app.js';

describe('closeInOrder', () => {
  test('lets a request in progress finish, and does not wait for connections that are kept alive or were opened ahead of need', async (t) => {
    const { app, listen, service, stop, abandon } = await testApp(t);
    const unused = unusedConnections(app.server);
    const address = await listen();
    const agent = new Agent({ keepAlive: true });
    const kept = get(`${address}/health`, { agent });
    ((await once(kept, 'response')) as [import('node:http').IncomingMessage])[0].resume();
    await once(connect(Number(new URL(address).port), '127.0.0.1'), 'connect');
    const upload = new HeldRequest(`${address}/transcribe`, { 'content-type': 'audio/wav' });
    await upload.send('first\n');
    await service.until(() => service.starts.length === 1);
    stop();
    const closed = closeInOrder(app, unused, 60_000, abandon);
    upload.end('last\n');
    assert.equal((await upload.json()).text, 'first last');
    await closed;
    agent.destroy();
  });

  test('A request that does not finish in time is told, and the end comes.', async (t) => {
    const { app, listen, service, stop, abandon } = await testApp(t);
    service.gate = new Promise(() => undefined);
    const upload = new HeldRequest(`${await listen()}/transcribe`, { 'content-type': 'audio/wav' });
    upload.end('first\n');
    await service.until(() => service.starts.length === 1);
    stop();
    const closed = closeInOrder(app, unusedConnections(app.server), 1_000, abandon);
    assert.equal((await upload.json()).code, 'shutting_down');
    await closed;
  });
});
