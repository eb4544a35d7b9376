import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { collectGarbage, withYoungGarbageCollected } from './quiet-memory.js';

const BUFFERS = 32;
const BUFFER_BYTES = 1024 * 1024;

test(
  'A process that has become quiet gives dead buffers back, and its timer does not keep it alive',
  { timeout: 60_000 },
  async () => {
    // Buffers that are old when they are let go: V8 by itself does not look for them.
    const code = `
    import { shrinkWhenQuiet } from ${JSON.stringify(new URL('./quiet-memory.js', import.meta.url).href)};
    import { collectGarbage } from ${JSON.stringify(new URL('./quiet-memory.js', import.meta.url).href)};
    shrinkWhenQuiet();
    let held = Array.from({ length: ${String(BUFFERS)} }, () => new Uint8Array(${String(BUFFER_BYTES)}));
    collectGarbage();
    collectGarbage();
    held = null;
    const most = process.memoryUsage().arrayBuffers;
    const timer = setInterval(() => {
      if (process.memoryUsage().arrayBuffers > most / 2) return;
      console.log('given back');
      clearInterval(timer);
    }, 100);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (data: Buffer) => (said += data.toString()));
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.equal(said, 'given back\n');
  },
);

test('What is let go while the process is quiet already is given back, too', { timeout: 110_000 }, async () => {
  const code = `
    import { shrinkWhenQuiet } from ${JSON.stringify(new URL('./quiet-memory.js', import.meta.url).href)};
    import { collectGarbage } from ${JSON.stringify(new URL('./quiet-memory.js', import.meta.url).href)};
    shrinkWhenQuiet();
    let held = null;
    // Quiet for two looks, then large for two more.
    setTimeout(() => {
      held = Array.from({ length: ${String(BUFFERS * 3)} }, () => new Uint8Array(${String(BUFFER_BYTES)}).fill(1));
      collectGarbage();
      collectGarbage();
    }, 13_000);
    setTimeout(() => {
      held = null;
      const most = process.memoryUsage().arrayBuffers;
      const timer = setInterval(() => {
        if (process.memoryUsage().arrayBuffers > most / 2) return;
        console.log('given back');
        clearInterval(timer);
      }, 100);
    }, 26_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += data.toString()));
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  assert.equal(said, 'given back\n');
});

const PIECE_BYTES = 64 * 1024;
const PIECES = 1_600;

/** Buffers as a socket gives them: new memory each, let go at once. */
async function* upload(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < PIECES; i++) {
    await Promise.resolve();
    yield new Uint8Array(PIECE_BYTES).fill(i % 251);
  }
}

test('Bytes pass unchanged, and the buffers of 100 MB do not gather', async () => {
  const before = process.memoryUsage().arrayBuffers;
  let pieces = 0;
  let highest = 0;
  for await (const piece of withYoungGarbageCollected(upload())) {
    assert.equal(piece.length, PIECE_BYTES);
    assert.equal(piece[PIECE_BYTES - 1], pieces % 251);
    pieces++;
    highest = Math.max(highest, process.memoryUsage().arrayBuffers);
  }
  assert.equal(pieces, PIECES);
  assert.ok(highest - before < 16 * 1024 * 1024, `${String((highest - before) / 1e6)} MB gathered`);
});

test('What is no longer used is collected, old objects too', { timeout: 10_000 }, async () => {
  const hold = (): Uint8Array[] => Array.from({ length: 8 }, () => new Uint8Array(4_000_000));
  const held = new Map([['buffers', hold()]]);
  // Survivors of two collections are old.
  collectGarbage();
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  held.clear();
  await setImmediate();
  collectGarbage();
  // Another thread frees the memory.
  while (process.memoryUsage().arrayBuffers > before - 8 * 4_000_000) await setImmediate();
});

test('Threads that begin to collect at the same moment do not disturb each other', { timeout: 60_000 }, async () => {
  const code = `
    const { workerData } = require('node:worker_threads');
    import(workerData.module).then(({ collectGarbage }) => {
      // All threads leave this line together.
      Atomics.add(workerData.arrived, 0, 1);
      while (Atomics.load(workerData.arrived, 0) < workerData.threads);
      collectGarbage();
    });`;
  const module = new URL('./quiet-memory.js', import.meta.url).href;
  for (let round = 0; round < 5; round++) {
    const arrived = new Int32Array(new SharedArrayBuffer(4));
    const ended = Array.from({ length: 4 }, async () => {
      const thread = new Worker(code, { eval: true, workerData: { module, arrived, threads: 4 } });
      return new Promise<unknown>((resolve) => {
        thread.once('error', resolve).once('exit', resolve);
      });
    });
    assert.deepEqual(await Promise.all(ended), [0, 0, 0, 0]);
  }
});
