import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { ExitGate } from './exit-gate.js';

test('Work passes the gate until it is stopped; then nobody gets in and those inside are waited for', async () => {
  const gate = new ExitGate();
  assert.equal(await gate.pass(() => 7), 7);
  await assert.rejects(
    gate.pass(() => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(gate.waitUntilEmpty(0), true);

  let leave: () => void = () => undefined;
  const inside = gate.pass(
    () =>
      new Promise<void>((resolve) => {
        leave = resolve;
      }),
  );
  assert.equal(gate.waitUntilEmpty(1), false);
  gate.stop();
  let entered = false;
  void gate.pass(() => {
    entered = true;
  });
  leave();
  await inside;
  assert.equal(gate.waitUntilEmpty(0), true);
  assert.equal(entered, false);
  assert.equal(gate.stopping, true);
});

test('A gate made over the same memory is the same gate', () => {
  const gate = new ExitGate();
  new ExitGate(gate.memory).stop();
  assert.equal(gate.stopping, true);
});

for (const [binding, inside] of [
  ['node', 'the runtime of the binding node'],
  ['native', 'the runtime of the binding native'],
  ['for-ever', 'a call that takes for ever'],
] as const)
  test(`A process that ends while a thread is inside ${inside} ends with its own status`, async () => {
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL('testing/exit-while-running-thread.js', import.meta.url)), binding],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    assert.deepEqual([code, signal], [3, null]);
  });

test('A process that may wait no longer ends at once under a call that does not return', async () => {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('testing/exit-while-running-thread.js', import.meta.url)), 'for-ever', '0'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  await once(child.stdout, 'data');
  const began = performance.now();
  assert.deepEqual(await ended, [3, null]);
  // Five seconds is what it waits otherwise.
  assert.ok(performance.now() - began < 5_000);
});
