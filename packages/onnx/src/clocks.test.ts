import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OnnxSession } from './session.js';
import { openSession } from './open-session.js';
import { runningMs, workMs } from './clocks.js';
import { float32Tensor } from './tensor.js';
import { manyProducts } from './testing/tiny-models.js';

const SIZE = 192;
const x = float32Tensor(new Float32Array(SIZE * SIZE).fill(1 / SIZE), [SIZE, SIZE]);
const CPU = { device: 'cpu', threads: 1, binding: 'native' } as const;

test('Runs of sessions that run apart leave their thread free, go side by side and are counted as one stretch of time', async () => {
  const sessions = [
    await openSession(manyProducts(60), { ...CPU, apart: true }),
    await openSession(manyProducts(60), { ...CPU, apart: true }),
  ];
  // A busy machine may give this thread no time beside the runs, so they are repeated. If they held the thread, it would have one turn in each round.
  let turns = 0;
  for (let round = 0; turns < 10 && round < 50; round++) turns = Math.max(turns, await turnsBeside(sessions));
  assert.ok(turns >= 10, `JavaScript had ${String(turns)} turns`);
  for (const session of sessions) await session.close();
});

/** Lets every session do a run, and tells how often this thread had its turn before one of them ended. */
async function turnsBeside(sessions: readonly OnnxSession[]): Promise<number> {
  const began = performance.now();
  const before = runningMs();
  let ended = 0;
  const runs = sessions.map(async (session) => {
    const { y } = await session.run({ x });
    ended++;
    return (y?.data as Float32Array)[0];
  });
  let turns = 0;
  let seen = before;
  while (ended === 0) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
    assert.ok(runningMs() >= seen, 'the clock never goes back');
    seen = runningMs();
  }
  const [one, other] = await Promise.all(runs);
  assert.ok(one !== undefined && Math.abs(one - 1 / SIZE) < 1e-6 && other === one);
  const counted = runningMs() - before;
  assert.ok(counted > 0 && counted <= performance.now() - began, 'what runs side by side counts once');
  return turns;
}

for (const binding of ['node', 'native'] as const)
  test(`The clock stands while no session of the thread runs, and goes while one of the binding ${binding} does`, async () => {
    const session = await openSession(manyProducts(20), { ...CPU, binding });
    const idle = runningMs();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(runningMs(), idle);
    await session.run({ x });
    const counted = runningMs();
    assert.ok(counted > idle);
    // One that fails is counted to its end as well.
    await assert.rejects(session.run({ x: float32Tensor(Float32Array.of(1), [1, 1]) }, ['no such output']));
    const after = runningMs();
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(runningMs(), after);
    await session.close();
  });

test('Work counts and waiting does not', { skip: process.platform !== 'linux' }, async () => {
  const began = workMs();
  let sum = 0;
  for (let at = 0; at < 20_000_000; at++) sum = (sum + at) % 1_000_003;
  assert.ok(sum >= 0);
  const workedMs = workMs() - began;
  assert.ok(workedMs > 1, 'twenty million steps take more than a millisecond of any processor');
  const before = workMs();
  const waitedFromMs = performance.now();
  await new Promise((resolve) => {
    setTimeout(resolve, 200);
  });
  assert.ok(workMs() - before < (performance.now() - waitedFromMs) / 2);
});
