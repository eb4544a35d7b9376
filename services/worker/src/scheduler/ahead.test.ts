import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aheadInMs, type AheadFacts } from './ahead.js';
import type { WaitingRow } from './choose-batch.js';
import { WorkTime } from './work-time.js';

const FACTS: AheadFacts = {
  remainingMs: 500,
  runsAlone: false,
  preparationShare: 0.25,
  liveLately: false,
  batchSizes: [1, 2, 4],
  predictMs: (rows) => rows * 100,
  fits: () => true,
};
const rows = (count: number, more: Partial<WaitingRow> = {}): WaitingRow[] =>
  Array.from({ length: count }, (_, order) => ({
    lane: 'batch',
    paddedSamples: 100,
    order,
    alone: false,
    partial: false,
    recording: null,
    sinceMs: 0,
    ...more,
  }));

test('A batch that others could join is handed over when what is left of the running one is as long as making ready takes', () => {
  assert.equal(aheadInMs(rows(2), FACTS), 450);
  assert.equal(aheadInMs(rows(2), { ...FACTS, remainingMs: 50 }), 0);
  assert.equal(aheadInMs(rows(2), { ...FACTS, remainingMs: 0 }), 0);
});

test('A batch as large as may be is handed over at once, unless somebody speaks', () => {
  assert.equal(aheadInMs(rows(4), FACTS), 0);
  assert.equal(aheadInMs(rows(4), { ...FACTS, liveLately: true }), 400);
  assert.equal(aheadInMs(rows(2), { ...FACTS, fits: (_padded, count) => count <= 2 }), 0, 'memory allows no more');
});

test('Nothing is handed over beside a suspect of a crash, nor a suspect, nor partials', () => {
  assert.equal(aheadInMs(rows(4), { ...FACTS, runsAlone: true }), null);
  assert.equal(aheadInMs(rows(1, { alone: true }), FACTS), null);
  assert.equal(aheadInMs(rows(1, { lane: 'live', partial: true }), FACTS), null);
  assert.equal(aheadInMs([], FACTS), null);
});

test('Time with work is summed over the sessions that had some; batches in progress count at their end', () => {
  const time = new WorkTime();
  time.change(1, 1_000);
  assert.equal(time.endedMs(1_100), 100);
  time.change(2, 1_200);
  const [one, other] = [time.batchBegins(1_200), time.batchBegins(1_220)];
  time.change(0, 1_250);
  one.end();
  assert.equal(time.endedMs(1_250), 300 - 30);
  other.end();
  assert.equal(time.endedMs(9_000), 300);
});
