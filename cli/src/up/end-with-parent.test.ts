import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

const PRELOAD = new URL('./end-with-parent.js', import.meta.url).href;
// The service holds the inherited standard output open, which ends only when both processes are gone.
const SERVICE =
  'process.on("SIGTERM", () => { console.log("drained"); process.exit(0); }); console.log(`up ${process.pid}`); setInterval(() => {}, 1000);';
const STARTER = `require('node:child_process').spawn(process.execPath, ['--import', ${JSON.stringify(PRELOAD)}, '-e', ${JSON.stringify(SERVICE)}], { detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });`;

test('A service ends in order when its starter is killed', async () => {
  const starter = spawn(process.execPath, ['-e', STARTER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: (string | undefined)[] = [];
  const reader = createInterface({ input: starter.stdout });
  reader.on('line', (line) => {
    lines.push(line.split(' ')[0]);
    if (line.startsWith('up')) starter.kill('SIGKILL');
  });
  await once(reader, 'close');
  assert.deepEqual(lines, ['up', 'drained']);
});
