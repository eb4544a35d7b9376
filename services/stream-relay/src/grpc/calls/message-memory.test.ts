import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageMemory } from './message-memory.js';

const OPEN = new AbortController().signal;

describe('MessageMemory', () => {
  test('So many messages arrive at once as may; the next comes in when one is there.', async () => {
    const memory = new MessageMemory({ arriving: 2, heldBytes: 100, waiting: 10 });
    const first = await memory.enter(OPEN);
    await memory.enter(OPEN);
    let third = false;
    const entering = memory.enter(OPEN).then(() => {
      third = true;
    });
    await Promise.resolve();
    assert.equal(third, false);
    first.arrived(10);
    await entering;
  });

  test('admits no message while too many bytes are in memory, and frees bytes once though leaving is called twice', async () => {
    const memory = new MessageMemory({ arriving: 2, heldBytes: 100, waiting: 10 });
    const first = await memory.enter(OPEN);
    first.arrived(100);
    const entering = memory.enter(OPEN);
    first.leave();
    first.leave();
    const second = await entering;
    second.arrived(99);
    (await memory.enter(OPEN)).leave();
    second.leave();
  });

  test('Who gives up waiting takes no place, and when too many wait the next is refused.', async () => {
    const memory = new MessageMemory({ arriving: 1, heldBytes: 100, waiting: 1 });
    const first = await memory.enter(OPEN);
    const gone = new AbortController();
    const waiting = memory.enter(gone.signal);
    await assert.rejects(memory.enter(OPEN), { code: 'queue_full' });
    gone.abort(new Error('gone'));
    await assert.rejects(waiting, /gone/);
    first.leave();
    (await memory.enter(OPEN)).leave();
  });
});
