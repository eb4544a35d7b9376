import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const SETUP = new URL('./setup-error.mjs', import.meta.url).href;
const COMMAND = new URL('./command.mjs', import.meta.url).href;
// Like npm while it installs: it passes over signals.
const DEAF =
  "process.on('SIGTERM', () => {}); process.on('SIGINT', () => {}); process.on('SIGHUP', () => {}); console.log(process.pid); setInterval(() => {}, 1000);";

function runs(pid) {
  try {
    process.kill(pid, 0);
    // One that has ended and that nobody waits for is gone all the same.
    return process.platform !== 'linux' || !/^\S+ \(.*\) Z/.test(readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  test(`${signal} while a command runs ends the command, one that passes over signals too, and then the script`, async () => {
    const script = `
      const { runMain } = await import(${JSON.stringify(SETUP)});
      const { runCommand } = await import(${JSON.stringify(COMMAND)});
      await runMain(() => runCommand(process.execPath, ['-e', ${JSON.stringify(DEAF)}], { endSignal: 'SIGKILL', onLine: (line) => { console.log(line); } }));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    let pid = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
      pid = Number(line);
      child.kill(/** @type {NodeJS.Signals} */ (signal));
    });
    const [, endedBy] = await ended;
    assert.equal(endedBy, signal);
    assert.ok(pid > 0);
    while (runs(pid)) await sleep(20);
  });
}
