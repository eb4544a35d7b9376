import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventQueue, UnackedAudio } from './live-buffers.js';
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

test('The ring gives back what was put in, over its seam and however it is cut, and takes no more than it holds', () => {
  const ring = new UnackedAudio(10);
  const given: number[] = [];
  let state = 5;
  const random = (below: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  for (let round = 0; round < 2_000; round++) {
    const bytes = Uint8Array.from({ length: random(14) }, () => random(256));
    const room = ring.freeBytes;
    const taken = ring.append(bytes);
    assert.equal(taken, Math.min(room, bytes.length));
    given.push(...bytes.subarray(0, taken));
    for (let place = ring.start; place < ring.end;) {
      const piece = ring.read(place, 1 + random(5));
      assert.ok(piece.length > 0);
      assert.deepEqual([...piece], given.slice(place, place + piece.length));
      place += piece.length;
    }
    ring.acknowledge(ring.start + random(11));
  }
  assert.equal(ring.end, given.length);
});

test('What is read is a copy, and acknowledgements neither go back nor beyond what was given', () => {
  const ring = new UnackedAudio(4);
  ring.append(Uint8Array.of(1, 2, 3, 4));
  const piece = ring.read(0, 4);
  ring.acknowledge(9);
  assert.equal(ring.start, 4);
  ring.acknowledge(2);
  assert.equal(ring.start, 4);
  ring.append(Uint8Array.of(5, 6, 7, 8));
  assert.deepEqual([...piece], [1, 2, 3, 4]);
});
