import assert from 'node:assert/strict';
import { test } from 'node:test';
import { burstArrivals, mergedArrivals, poissonArrivals, seeded, openLoop } from './open-loop.js';
import { lineChart, faultsOf } from './report.js';
import { latencyOf, summarize, type Sample } from './recorder.js';
import { backAfterMs } from './scenarios/overload.js';
import { speak, type Final } from './traffic/live.js';

const done = (latencyMs: number, duplicates = 0): Sample['outcome'] => ({
  end: 'done',
  latenciesMs: [latencyMs],
  audioMs: 1_000,
  words: 4,
  wordErrors: 1,
  duplicates,
});

test('arrivals are the same for the same seed, and their gaps are exponential', () => {
  const arrivals = poissonArrivals(100, 100_000, seeded(7));
  assert.deepEqual(arrivals, poissonArrivals(100, 100_000, seeded(7)));
  assert.ok(Math.abs(arrivals.length - 10_000) < 400, String(arrivals.length));
  const gaps = arrivals.slice(1).map((atMs, i) => atMs - (arrivals[i] ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  // Of exponential gaps the deviation is the mean.
  assert.ok(Math.abs(deviation / mean - 1) < 0.1, String(deviation / mean));
});

test('bursts come together and in order with what else arrives', () => {
  assert.deepEqual(burstArrivals(2, 10, 20), [5, 5, 15, 15]);
  assert.deepEqual(mergedArrivals([5, 15], [1, 7]), [1, 5, 7, 15]);
});

test('a slow answer delays no arrival, and latency counts from the scheduled time', async () => {
  const begun: number[] = [];
  const { samples } = await openLoop([0, 10, 20], async (_arrival, dueAtMs) => {
    begun.push(dueAtMs);
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
    return { kind: 'http', outcome: done(performance.now() - dueAtMs) };
  });
  assert.equal(begun.length, 3);
  assert.ok((begun[2] ?? 0) - (begun[0] ?? 0) < 21);
  assert.ok(
    latencyOf(samples.flatMap(({ outcome }) => (outcome.end === 'done' ? outcome.latenciesMs : []))).p50 >= 290,
  );
});

test('a generator that stalls makes the run void', async () => {
  const { isVoid, lagMs } = await openLoop([0, 20], async () => {
    const untilMs = performance.now() + 300;
    while (performance.now() < untilMs);
    return Promise.resolve({ kind: 'http', outcome: done(1) });
  });
  assert.ok(isVoid && lagMs > 20, String(lagMs));
});

test('refused, lost and doubled work is told apart', () => {
  const samples: Sample[] = [
    { kind: 'http', dueMs: 0, outcome: done(10, 2) },
    { kind: 'http', dueMs: 1, outcome: { end: 'refused', code: 'queue_full' } },
    { kind: 'http', dueMs: 2, outcome: { end: 'lost', reason: 'unreachable' } },
  ];
  const summary = summarize(samples, 1_000);
  assert.deepEqual([summary.done, summary.refused, summary.lost], [1, { queue_full: 1 }, { unreachable: 1 }]);
  const result = {
    scenario: 'x',
    figures: [],
    charts: [],
    parts: [{ name: 'x', summary }],
    lagMs: 0,
    isVoid: false,
  };
  assert.deepEqual(faultsOf(result), { lost: 1, duplicates: 2 });
});

test('waiting is back to normal after the last window above the limit', () => {
  const after = (latencies: readonly number[]): Sample[] =>
    latencies.map((ms, i) => ({ kind: 'http', dueMs: 1_000 + i * 100, outcome: done(ms) }));
  const limits = { windowMs: 100, limitMs: 50 };
  assert.equal(backAfterMs(after([90, 80, 20, 20]), 1_000, limits), 200);
  assert.equal(backAfterMs(after([20, 20]), 1_000, limits), 0);
  assert.equal(backAfterMs(after([20, 90]), 1_000, limits), Number.POSITIVE_INFINITY);
});

test('an utterance that has no final is lost, and one that has two is a duplicate', async () => {
  const speech = { pcm: new Int16Array(640), said: ['a'] };
  const final: Final = { utterance: 0, endMs: 0, text: 'a', cameAtMs: performance.now() };
  const ending = (finals: readonly Final[], utterances: number): Parameters<typeof speak>[0] => ({
    send: () => Promise.resolve(),
    finish: () => Promise.resolve({ finals, utterances }),
  });
  const lost = await speak(ending([final], 2), speech, performance.now());
  assert.deepEqual(lost, { end: 'lost', reason: 'utterance_without_final' });
  const twice = await speak(ending([final, final], 1), speech, performance.now());
  assert.ok(twice.end === 'done' && twice.duplicates === 1);
});

test('a chart is one SVG element with its texts escaped', () => {
  const svg = lineChart({
    title: 'a < b',
    x: 'n',
    y: 'ms',
    logX: true,
    goal: 5,
    series: [
      {
        name: '"s"',
        points: [
          [1, 2],
          [2, 4],
        ],
      },
    ],
  });
  assert.match(svg, /^<svg [\s\S]*a &lt; b[\s\S]*&quot;s&quot;[\s\S]*<\/svg>$/);
  assert.doesNotMatch(svg, /NaN/);
});
