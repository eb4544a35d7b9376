import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventQueue } from './event-queue.js';
import type { LiveEvent } from './live-types.js';

const partial = (utterance: number, text: string): LiveEvent => ({
  type: 'partial',
  event_id: '1-0',
  utterance,
  start_ms: 0,
  end_ms: 0,
  text,
  stable_chars: 0,
});
const warning: LiveEvent = { type: 'warning', code: 'w', message: 'm' };

test('A partial takes the place of an unread one of its utterance, and of no other event', async () => {
  const queue = new EventQueue();
  for (const event of [partial(0, 'a'), partial(0, 'b'), partial(1, 'c'), warning, partial(1, 'd'), partial(1, 'e')])
    queue.push(event);
  queue.end();
  const texts: unknown[] = [];
  for (let next = await queue.next(); next.done !== true; next = await queue.next())
    texts.push('text' in next.value ? next.value.text : next.value.type);
  assert.deepEqual(texts, ['b', 'c', 'warning', 'e']);
});

test('A reader that waits is given the next event, the fault after what waits, and then the end', async () => {
  const queue = new EventQueue();
  const first = queue.next();
  queue.push(warning);
  assert.deepEqual(await first, { done: false, value: warning });
  queue.push(warning);
  const fault = new Error('gone');
  queue.fail(fault);
  assert.equal((await queue.next()).done, false);
  await assert.rejects(queue.next(), fault);
  assert.equal((await queue.next()).done, true);
});

test('Events that nobody reads are bounded', () => {
  const queue = new EventQueue();
  assert.throws(
    () => {
      for (let i = 0; i < 20_000; i++) queue.push(warning);
    },
    { code: 'buffer_full' },
  );
});
