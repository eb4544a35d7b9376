import { join } from 'node:path';
import { runCommand } from '../setup/command.mjs';
import { emit } from '../setup/emit.mjs';
import { ensureDependencies } from '../setup/npm-dependencies.mjs';
import { LOCAL_FOLDER, ROOT } from '../setup/paths.mjs';
import { heading } from '../setup/say.mjs';
import { SetupError } from '../setup/setup-error.mjs';
import { test } from './main.mjs';

/** The commit before the newest, unless the command line names another. */
const DEFAULT_REVISION = 'HEAD~1';

/**
 * Checks out an earlier revision under `.murmuration/`, compiles it, and runs its services beside those of this checkout (`two-versions.test.ts`).
 * Answers the exit status. Throws a `SetupError` when there is no such revision.
 */
export async function checkUpgrade([revision = DEFAULT_REVISION, ...more]) {
  if (more.length > 0) throw new SetupError('npm run check:upgrade -- [REVISION]: one revision is enough.');
  const earlier = join(LOCAL_FOLDER, 'earlier');
  heading(`revision ${revision}`);
  await remove(earlier);
  await git('worktree', 'add', '--detach', earlier, revision);
  try {
    await ensureDependencies(earlier);
    await emit(earlier);
    process.env.EARLIER_ROOT = earlier;
    return await test(['test/src/two-versions.test.ts']);
  } finally {
    await remove(earlier);
  }
}

async function remove(folder) {
  await runCommand('git', ['worktree', 'remove', '--force', folder], { cwd: ROOT });
}

async function git(...args) {
  const { code, lines } = await runCommand('git', args, { cwd: ROOT });
  if (code !== 0) throw new SetupError(`git ${args.join(' ')}: ${lines.slice(-3).join(' ')}`);
}
