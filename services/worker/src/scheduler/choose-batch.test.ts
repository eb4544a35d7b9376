import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lane } from '@murmuration/contracts';
import { chooseBatch, type BatchLimits, type WaitingRow } from './choose-batch.js';

const LIMITS: BatchLimits = { idleSessions: 1, sessions: 2, partialSessions: 0, liveLately: false, batchIsDue: false, nowMs: 0, batchSizes: [1, 2, 4, 8], maxBatchMs: 250, predictMs: (_padded, rows) => rows * 10, fits: () => true };

function row(order: number, paddedSamples: number, lane: Lane = 'interactive', alone = false): WaitingRow {
  return { lane, paddedSamples, order, alone, partial: false, sinceMs: 0 };
}

test('Rows of one padded length share a batch, led by the oldest', () => {
  const waiting = [row(0, 100), row(1, 200), row(2, 100), row(3, 300)];
  assert.deepEqual(chooseBatch(waiting, LIMITS).map((r) => r.order), [0, 2]);
});

test('Live rows lead before interactive and batch ones, whatever came first', () => {
  const waiting = [row(0, 100, 'batch'), row(1, 200), row(2, 300, 'live')];
  assert.deepEqual(chooseBatch(waiting, LIMITS).map((r) => r.order), [2]);
});

test('What waits is divided among the idle sessions', () => {
  const waiting = Array.from({ length: 8 }, (_, i) => row(i, 100));
  assert.equal(chooseBatch(waiting, { ...LIMITS, idleSessions: 2 }).length, 4);
  assert.equal(chooseBatch(waiting, LIMITS).length, 8);
});

test('Only warmed sizes run, and only those that memory has not run out with', () => {
  const waiting = Array.from({ length: 7 }, (_, i) => row(i, 100, 'batch'));
  assert.equal(chooseBatch(waiting, LIMITS).length, 4);
  assert.equal(chooseBatch(waiting, { ...LIMITS, fits: (_padded, rows) => rows <= 2 }).length, 2);
});

test('While somebody waits for an answer the predicted run is bounded, one row at least; batch work is as large as it may', () => {
  const slow = { ...LIMITS, predictMs: (_padded: number, rows: number) => rows * 100 };
  const waiting = (lane: Lane): WaitingRow[] => Array.from({ length: 9 }, (_, i) => row(i, 100, lane));
  assert.equal(chooseBatch(waiting('interactive'), slow).length, 2);
  assert.equal(chooseBatch(waiting('live'), { ...slow, maxBatchMs: 1 }).length, 1);
  assert.equal(chooseBatch(waiting('batch'), slow).length, 8);
});

test('A suspect of a crash runs by itself, when every session is idle', () => {
  const waiting = [row(0, 100, 'interactive', true), row(1, 100), row(2, 100)];
  assert.deepEqual(chooseBatch(waiting, LIMITS), [], 'another session is busy');
  assert.deepEqual(chooseBatch(waiting, { ...LIMITS, idleSessions: 2 }).map((r) => r.order), [0]);
  assert.deepEqual(chooseBatch(waiting.slice(1), LIMITS).map((r) => r.order), [1, 2]);
});

test('Partials come after finals, keep to themselves and to all sessions but one', () => {
  const partial = (order: number): WaitingRow => ({ ...row(order, 100, 'live'), partial: true });
  assert.deepEqual(chooseBatch([partial(0), row(1, 100, 'live'), row(2, 100, 'batch')], LIMITS).map((r) => r.order), [1, 2]);
  assert.deepEqual(chooseBatch([partial(0), partial(1), row(2, 100, 'batch')], LIMITS).map((r) => r.order), [0, 1]);
  assert.deepEqual(chooseBatch([partial(0), row(2, 100, 'batch')], { ...LIMITS, partialSessions: 1 }).map((r) => r.order), [2]);
  const slow = { ...LIMITS, predictMs: (_padded: number, rows: number) => rows * 50 };
  assert.equal(chooseBatch(Array.from({ length: 8 }, (_, i) => partial(i)), slow).length, 2, 'a final that comes meanwhile may not wait for long');
});

test('Finals that are late already go in larger batches, so that those behind them are less late', () => {
  const slow = { ...LIMITS, predictMs: (_padded: number, rows: number) => rows * 100 };
  const waiting = Array.from({ length: 8 }, (_, i) => row(i, 100, 'live'));
  assert.equal(chooseBatch(waiting, { ...slow, nowMs: 250 }).length, 2);
  assert.equal(chooseBatch(waiting, { ...slow, nowMs: 251 }).length, 4);
});

test('Batch work keeps to short runs while somebody speaks', () => {
  const slow = { ...LIMITS, predictMs: (_padded: number, rows: number) => rows * 100, liveLately: true };
  assert.equal(chooseBatch(Array.from({ length: 8 }, (_, i) => row(i, 100, 'batch')), slow).length, 2);
});

test('Nothing is chosen while no session is idle', () => {
  assert.deepEqual(chooseBatch([row(0, 100)], { ...LIMITS, idleSessions: 0 }), []);
});

test('Batch work that is due leads before interactive rows, in a run that is bounded for them, but not before live ones', () => {
  const slow = { ...LIMITS, batchIsDue: true, predictMs: (_padded: number, rows: number) => rows * 100 };
  const batch = Array.from({ length: 4 }, (_, i) => row(i + 1, 100, 'batch'));
  assert.deepEqual(chooseBatch([row(0, 100), ...batch], slow).map((r) => r.order), [1, 0]);
  assert.deepEqual(chooseBatch([row(9, 200, 'live'), ...batch], slow).map((r) => r.order), [9]);
});
