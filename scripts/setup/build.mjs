import { join } from 'node:path';
import { runVisibly } from './command.mjs';
import { heartbeat, say, seconds } from './say.mjs';
import { SetupError } from './setup-error.mjs';

const PART = 'build';

/** Compiles what changed (`tsc -b` decides); its errors are shown as they come. Throws a `SetupError` when there are any. */
export async function ensureBuilt(root) {
  const started = performance.now();
  const stop = heartbeat(PART, (ms) => `compiling, ${seconds(ms)}`);
  const pretty = process.stdout.isTTY ? ['--pretty'] : [];
  const code = await runVisibly(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b', ...pretty], { cwd: root }).finally(stop);
  if (code !== 0) throw new SetupError('The sources do not compile: mend what the compiler names above.');
  say(PART, `up to date after ${seconds(performance.now() - started)}`);
}
