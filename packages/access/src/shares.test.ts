import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedPlaces, mayTake } from './shares.js';

/** How many places each owner gets that asks in turn until nobody gets any more. */
function filled(places: SharedPlaces, ...owners: readonly string[]): number[] {
  const got = owners.map(() => 0);
  for (let moved = true; moved;) {
    moved = false;
    for (const [i, owner] of owners.entries()) {
      if (places.take(owner) === null) continue;
      got[i] = (got[i] ?? 0) + 1;
      moved = true;
    }
  }
  return got;
}

test('One owner among several gets half, and those that come late still get a place', () => {
  const places = new SharedPlaces(100, () => 10);
  assert.deepEqual(filled(places, 'a'), [50]);
  assert.deepEqual(filled(places, 'b'), [33]);
  assert.deepEqual(filled(places, 'c', 'd'), [9, 8], 'what is left goes to who holds least');
  assert.equal(places.take('a'), null);
  assert.equal(places.taken, 100);
});

test('Owners that come together get the same, and where all are there nothing is kept back', () => {
  assert.deepEqual(filled(new SharedPlaces(90, () => 10), 'a', 'b'), [30, 30]);
  assert.deepEqual(filled(new SharedPlaces(90, () => 2), 'a', 'b'), [45, 45]);
});

test('An owner that is the only one may have all', () => {
  assert.deepEqual(filled(new SharedPlaces(7, () => 1), 'a'), [7]);
});

test('Of very few places everybody may have the first that is free', () => {
  const places = new SharedPlaces(2, () => 10);
  assert.deepEqual(filled(places, 'a', 'b', 'c'), [1, 1, 0]);
  assert.ok(new SharedPlaces(1, () => 10).take('a') !== null);
});

test('A place is given free once, and its owner is forgotten with its last', () => {
  const places = new SharedPlaces(4, () => 10);
  const [first, second] = [places.take('a'), places.take('a')];
  assert.equal(places.take('a'), null);
  first?.();
  first?.();
  assert.equal(places.taken, 1);
  second?.();
  assert.equal(places.taken, 0);
  assert.equal(places.scarce, false);
  assert.deepEqual(filled(places, 'b'), [2]);
});

test('Amounts are weighed as places are', () => {
  const of = { capacity: 1_000, holders: 2, owners: 10 };
  assert.equal(mayTake({ ...of, taken: 400, own: 400 }, 100), true, "half is anybody's");
  assert.equal(mayTake({ ...of, taken: 501, own: 400 }, 1), false, 'beyond it a third is the most');
  assert.equal(mayTake({ ...of, taken: 900, own: 100 }, 90), true);
  assert.equal(mayTake({ ...of, taken: 950, own: 0 }, 51), false, 'what is not there nobody gets');
});
