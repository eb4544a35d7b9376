import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnackedAudio } from './unacked-audio.js';

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
