// Runs the Redis of `murmur up` as `node redis-keeper.js PROGRAM FOLDER`, and ends it with itself:
// on SIGTERM at once, and when `murmur up` is killed (its channel closes) after the services, which end in order and need it.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  onlyClient,
  readSettings,
  recordServer,
  removeUnfinishedRewrites,
  stopLeftover,
  writeConfiguration,
} from './own-redis.js';

// Somewhat more than the services take at most.
const SERVICES_GRACE_MS = 75_000;
const LOOK_EVERY_MS = 200;

const [program = '', folder = ''] = process.argv.slice(2);
const { port, password, memoryBytes } = readSettings(folder);
// Of a keeper that was killed.
await stopLeftover(folder);
removeUnfinishedRewrites(folder);
const child = spawn(program, [writeConfiguration({ port, password, folder, memoryBytes })], {
  cwd: folder,
  stdio: ['ignore', 'inherit', 'inherit'],
});
child.once('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(127);
});
child.once('exit', (code) => {
  process.exit(code ?? 1);
});
if (child.pid !== undefined) recordServer(folder, { pid: child.pid, port, password });

process.on('SIGTERM', () => {
  child.kill('SIGTERM');
});
async function endWithStart(): Promise<void> {
  for (
    const sinceMs = performance.now();
    performance.now() - sinceMs < SERVICES_GRACE_MS && !(await onlyClient({ port, password }));
  )
    await sleep(LOOK_EVERY_MS);
  child.kill('SIGTERM');
}
if (process.connected)
  process.on('disconnect', () => {
    void endWithStart();
  });
else void endWithStart();
