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
