// Runs the Redis of `npm start` as `node redis-keeper.mjs PROGRAM FOLDER`, with its settings in OWN_REDIS, and ends it with itself:
// on SIGTERM at once, and when the start script is killed (its channel closes) after the services, which end in order and need it.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { onlyClient, recordServer, removeUnfinishedRewrites, stopLeftover, writeConfiguration } from '../setup/own-redis.mjs';

// Somewhat more than the services take at most.
const SERVICES_GRACE_MS = 75_000;
const LOOK_EVERY_MS = 200;

const [program, folder] = process.argv.slice(2);
const { port, password, memoryBytes } = JSON.parse(process.env.OWN_REDIS);
// Of a keeper that was killed.
await stopLeftover(folder);
removeUnfinishedRewrites(folder);
const child = spawn(program, [writeConfiguration({ port, password, folder, memoryBytes })], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
child.once('error', (error) => {
  console.error(error.message);
  process.exit(127);
});
child.once('exit', (code) => { process.exit(code ?? 1); });
if (child.pid !== undefined) recordServer(folder, { pid: child.pid, port, password });

process.on('SIGTERM', () => { child.kill('SIGTERM'); });
async function endWithStart() {
  for (const sinceMs = performance.now(); performance.now() - sinceMs < SERVICES_GRACE_MS && !(await onlyClient({ port, password }));) await sleep(LOOK_EVERY_MS);
  child.kill('SIGTERM');
}
if (process.connected) process.on('disconnect', () => { void endWithStart(); });
else void endWithStart();
