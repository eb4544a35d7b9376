import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { TestServer, sse, type Answer } from '../testing/test-server.js';
import { readEvents, type ServerEvent } from './requester.js';

async function answered(t: TestContext, answer: Answer): Promise<Response> {
  const server = await TestServer.open(answer);
  t.after(() => server.close());
  return fetch(server.url);
}

async function all(response: Response, silenceMs = 10_000): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of readEvents(response, silenceMs)) events.push(event);
  return events;
}

describe('Events of an answer', () => {
  test('They are the same however the bytes are cut, also within a letter', async (t) => {
    const text = Buffer.from(
      `: hello\n\n${sse('segment', { text: 'Zoë — 😀' }, '1-0')}data: bare\n\n${sse('done', null)}`,
    );
    const response = await answered(t, async (_seen, answer) => {
      for (const byte of text) {
        answer.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      answer.end();
    });
    assert.deepEqual(await all(response), [
      { type: 'segment', id: '1-0', data: '{"text":"Zoë — 😀"}' },
      { type: 'message', id: '', data: 'bare' },
      { type: 'done', id: '', data: 'null' },
    ]);
  });

  test('A server that falls silent is taken for dead; one that comments is not', async (t) => {
    const silent = await answered(t, (_seen, answer) => {
      answer.write(sse('accepted', {}, '1-0'));
    });
    await assert.rejects(all(silent, 60), { code: 'unreachable', message: /has said nothing/ });
    const commenting = await answered(t, async (_seen, answer) => {
      for (let beat = 0; beat < 12; beat++) {
        answer.write(': still at work\n\n');
        await new Promise((resolve) => {
          setTimeout(resolve, 100);
        });
      }
      answer.end(sse('done', {}));
    });
    assert.equal((await all(commenting, 1_000)).length, 1);
  });

  test('A connection that breaks is told as such', async (t) => {
    const response = await answered(t, (_seen, answer) => {
      answer.write(sse('accepted', {}), () => answer.destroy());
    });
    await assert.rejects(all(response), { code: 'unreachable', message: /the connection broke/ });
  });

  test('Who leaves the loop ends the connection', async (t) => {
    let ended = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const response = await answered(t, (_seen, answer) => {
      answer.on('close', ended);
      answer.write(sse('a', 1) + sse('b', 2));
    });
    for await (const event of readEvents(response, 10_000)) {
      assert.equal(event.type, 'a');
      break;
    }
    await gone;
  });
});
