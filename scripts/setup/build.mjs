import { join } from 'node:path';
import { runVisibly } from './command.mjs';
import { emit, readTree, recordCompiled } from './emit.mjs';
import { say, seconds } from './say.mjs';

/** Compiles what changed, without looking at types. Throws a `SetupError` that names what is no TypeScript. */
export async function ensureEmitted(root) {
  const started = performance.now();
  const written = await emit(root);
  say(
    'build',
    `${written === 0 ? 'up to date' : `${String(written)} files compiled`} after ${seconds(performance.now() - started)}`,
  );
}

/** Checks all types and compiles what changed (`tsc -b` decides); its errors are shown as they come. Answers whether there were none. */
export async function checkTypes(root) {
  const before = readTree(root);
  const pretty = process.stdout.isTTY ? ['--pretty'] : [];
  const code = await runVisibly(
    process.execPath,
    [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b', ...pretty],
    { cwd: root },
  );
  if (code === 0) recordCompiled(root, before);
  return code === 0;
}
