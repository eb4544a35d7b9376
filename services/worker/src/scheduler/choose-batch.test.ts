import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lane } from '@murmuration/contracts';
import { chooseBatch, type BatchLimits, type WaitingRow } from './choose-batch.js';

const LIMITS: BatchLimits = {
  mixesLengths: false,
  idleSessions: 1,
  sessions: 2,
  partialSessions: 0,
  liveLately: false,
  batchIsDue: false,
  othersAreDue: false,
  busyForMs: [],
  followers: () => 0,
  nowMs: 0,
  batchSizes: [1, 2, 4, 8],
  maxBatchMs: 250,
  predictMs: (_padded, rows) => 40 + rows * 5,
  fits: () => true,
};

function row(order: number, paddedSamples: number, lane: Lane = 'interactive', alone = false): WaitingRow {
  return { lane, paddedSamples, order, alone, partial: false, recording: null, sinceMs: 0 };
}

test('Rows of one padded length share a batch, led by the oldest', () => {
  const waiting = [row(0, 100), row(1, 200), row(2, 100), row(3, 300)];
  assert.deepEqual(
    chooseBatch(waiting, LIMITS).map((r) => r.order),
    [0, 2],
  );
});

test('Where lengths mix, rows of a third to three times the length of the leader join it', () => {
  const waiting = [row(0, 300), row(1, 99), row(2, 100), row(3, 900), row(4, 901), row(5, 200)];
  assert.deepEqual(
    chooseBatch(waiting, { ...LIMITS, mixesLengths: true, sessions: 1 }).map((r) => r.order),
    [0, 2, 3, 5],
  );
});

test('A batch of mixed lengths is bounded by what its own rows take, and by the memory that its longest asks for', () => {
  const live = {
    ...LIMITS,
    mixesLengths: true,
    sessions: 1,
    predictMs: (padded: number, rows: number) => padded * (1 + rows / 10),
  };
  const waiting = [row(0, 50, 'live'), row(1, 70, 'live'), row(2, 90, 'live'), row(3, 100, 'live')];
  assert.equal(chooseBatch(waiting, { ...live, maxBatchMs: 109 }).length, 4);
  assert.equal(chooseBatch(waiting, { ...live, maxBatchMs: 108 }).length, 2);
  assert.equal(chooseBatch(waiting, { ...live, fits: (padded, rows) => padded * rows < 400 }).length, 2);
});

test('Live rows lead before interactive and batch ones, whatever came first', () => {
  const waiting = [row(0, 100, 'batch'), row(1, 200), row(2, 300, 'live')];
  assert.deepEqual(
    chooseBatch(waiting, LIMITS).map((r) => r.order),
    [2],
  );
});

test('What waits is divided among the idle sessions', () => {
  const waiting = Array.from({ length: 8 }, (_, i) => row(i, 100));
  assert.equal(chooseBatch(waiting, { ...LIMITS, idleSessions: 2 }).length, 4);
  assert.equal(chooseBatch(waiting, { ...LIMITS, sessions: 1 }).length, 8);
});

test('Only warmed sizes run, and only those that memory has not run out with', () => {
  const waiting = Array.from({ length: 7 }, (_, i) => row(i, 100, 'batch'));
  assert.equal(chooseBatch(waiting, LIMITS).length, 4);
  assert.equal(chooseBatch(waiting, { ...LIMITS, fits: (_padded, rows) => rows <= 2 }).length, 2);
});

/** A run of one row takes 100 ms, of two 120, of four 160, of eight 240. */
const slowMs = (_padded: number, rows: number): number => 80 + rows * 20;

test('While somebody speaks the predicted run is bounded, one row at least; other work is as large as pays', () => {
  const slow = { ...LIMITS, sessions: 1, maxBatchMs: 130, predictMs: slowMs };
  const waiting = (lane: Lane): WaitingRow[] => Array.from({ length: 9 }, (_, i) => row(i, 100, lane));
  assert.equal(chooseBatch(waiting('interactive'), slow).length, 8);
  assert.equal(chooseBatch(waiting('interactive'), { ...slow, liveLately: true }).length, 2);
  assert.equal(chooseBatch(waiting('live'), slow).length, 2);
  assert.equal(chooseBatch(waiting('live'), { ...slow, maxBatchMs: 1 }).length, 1);
  assert.equal(chooseBatch(waiting('batch'), slow).length, 8);
});

test('A suspect of a crash runs by itself, when every session is idle', () => {
  const waiting = [row(0, 100, 'interactive', true), row(1, 100), row(2, 100)];
  assert.deepEqual(chooseBatch(waiting, LIMITS), [], 'another session is busy');
  assert.deepEqual(
    chooseBatch(waiting, { ...LIMITS, idleSessions: 2 }).map((r) => r.order),
    [0],
  );
  assert.deepEqual(
    chooseBatch(waiting.slice(1), { ...LIMITS, busyForMs: [40] }).map((r) => r.order),
    [1, 2],
  );
});

test('Partials come after finals, keep to themselves and to all sessions but one', () => {
  const partial = (order: number): WaitingRow => ({ ...row(order, 100, 'live'), partial: true });
  assert.deepEqual(
    chooseBatch([partial(0), row(1, 100, 'live'), row(2, 100, 'batch')], { ...LIMITS, followers: () => 5 }).map(
      (r) => r.order,
    ),
    [1, 2],
  );
  assert.deepEqual(
    chooseBatch([partial(0), partial(1), row(2, 100, 'batch')], LIMITS).map((r) => r.order),
    [0, 1],
  );
  assert.deepEqual(
    chooseBatch([partial(0), row(2, 100, 'batch')], { ...LIMITS, partialSessions: 1 }).map((r) => r.order),
    [2],
  );
  const slow = { ...LIMITS, predictMs: (_padded: number, rows: number) => rows * 50 };
  assert.equal(
    chooseBatch(
      Array.from({ length: 8 }, (_, i) => partial(i)),
      slow,
    ).length,
    2,
    'a final that comes meanwhile may not wait for long',
  );
});

test('Finals that are late already go in larger batches, so that those behind them are less late', () => {
  const slow = { ...LIMITS, sessions: 1, maxBatchMs: 130, predictMs: slowMs };
  const waiting = Array.from({ length: 8 }, (_, i) => row(i, 100, 'live'));
  assert.equal(chooseBatch(waiting, { ...slow, nowMs: 130 }).length, 2);
  assert.equal(chooseBatch(waiting, { ...slow, nowMs: 131 }).length, 8);
});

test('Batch work keeps to short runs while somebody speaks', () => {
  const slow = { ...LIMITS, maxBatchMs: 130, predictMs: slowMs, liveLately: true };
  assert.equal(
    chooseBatch(
      Array.from({ length: 8 }, (_, i) => row(i, 100, 'batch')),
      slow,
    ).length,
    2,
  );
});

test('Nothing is chosen while no session is idle', () => {
  assert.deepEqual(chooseBatch([row(0, 100)], { ...LIMITS, idleSessions: 0 }), []);
});

test('Batch work that is due leads before interactive rows, which fill its batch first, but not before live ones', () => {
  const slow = { ...LIMITS, batchIsDue: true, batchSizes: [1, 2], predictMs: slowMs };
  const batch = Array.from({ length: 4 }, (_, i) => row(i + 1, 100, 'batch'));
  assert.deepEqual(
    chooseBatch([row(0, 100), ...batch], slow).map((r) => r.order),
    [1, 0],
  );
  assert.deepEqual(
    chooseBatch([row(9, 200, 'live'), ...batch], slow).map((r) => r.order),
    [9],
  );
});

test('Where larger batches take no less time a row, rows run one by one, so that the first are done soon', () => {
  const linear = { ...LIMITS, predictMs: (_padded: number, rows: number): number => rows * 100 };
  assert.equal(
    chooseBatch(
      Array.from({ length: 8 }, (_, i) => row(i, 100)),
      linear,
    ).length,
    1,
  );
});

test('Some rows at once go in small batches; while more keep coming they go in those that take least time a row', () => {
  // Whisper tiny.en on one core, seconds: an encoder that does not batch and a decoder that does.
  const predictMs = (_padded: number, rows: number): number => rows * 512 + 654 * rows ** 0.72;
  const whisper = { ...LIMITS, sessions: 1, predictMs };
  const waiting = Array.from({ length: 8 }, (_, i) => row(i, 480_000));
  const few = chooseBatch(waiting, whisper).length;
  assert.ok(few < 8, String(few));
  assert.equal(chooseBatch(waiting, { ...whisper, followers: () => 100 }).length, 8);
  assert.equal(chooseBatch(waiting.slice(0, 1), { ...whisper, followers: () => 100 }).length, 1);
});

test('Batch work fills a batch up only where that costs those who wait less than it saves', () => {
  const waiting = [row(0, 100), row(1, 300), ...Array.from({ length: 7 }, (_, i) => row(i + 2, 100, 'batch'))];
  const cheap = { ...LIMITS, sessions: 1, predictMs: (_padded: number, rows: number): number => 100 + rows };
  assert.equal(chooseBatch(waiting, cheap).length, 8);
  const dear = { ...cheap, predictMs: (_padded: number, rows: number): number => 10 + rows * 90 };
  assert.deepEqual(
    chooseBatch(waiting, dear).map((r) => r.order),
    [0],
  );
});

test('After many batches of live rows the oldest row of another lane leads, finals or partials before it or not', () => {
  const due = { ...LIMITS, othersAreDue: true };
  const partial: WaitingRow = { ...row(0, 400, 'live'), partial: true };
  const waiting = [partial, row(1, 300, 'live'), row(2, 100, 'batch'), row(3, 200)];
  assert.deepEqual(
    chooseBatch(waiting, due).map((r) => r.order),
    [2],
  );
  assert.deepEqual(
    chooseBatch([partial, row(1, 300, 'live'), row(3, 200)], due).map((r) => r.order),
    [3],
  );
  assert.deepEqual(
    chooseBatch([partial, row(1, 300, 'live')], due).map((r) => r.order),
    [1],
  );
});
