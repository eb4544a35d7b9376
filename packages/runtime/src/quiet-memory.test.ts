import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

const BUFFERS = 32;
const BUFFER_BYTES = 1024 * 1024;

test(
  'A process that has become quiet gives dead buffers back, and its timer does not keep it alive',
  { timeout: 60_000 },
  async () => {
    // Buffers that are old when they are let go: V8 by itself does not look for them.
    const code = `
    import { shrinkWhenQuiet } from ${JSON.stringify(new URL('./quiet-memory.js', import.meta.url).href)};
    import { collectGarbage } from ${JSON.stringify(new URL('./garbage.js', import.meta.url).href)};
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
    import { collectGarbage } from ${JSON.stringify(new URL('./garbage.js', import.meta.url).href)};
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
