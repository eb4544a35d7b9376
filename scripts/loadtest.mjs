// `npm run loadtest -- SCENARIO`: load on a cluster, as `loadtest/` describes.
import { requireNode } from './setup/node-version.mjs';

requireNode();
const { runMain } = await import('./setup/setup-error.mjs');
const { join } = await import('node:path');
const { runVisibly } = await import('./setup/command.mjs');
const { ROOT } = await import('./setup/paths.mjs');
const { prepare } = await import('./setup/prepare.mjs');
await runMain(async () => {
  await prepare();
  const main = join(ROOT, 'loadtest', 'dist', 'main.js');
  return (
    (await runVisibly(process.execPath, ['--enable-source-maps', main, ...process.argv.slice(2)], { cwd: ROOT })) ?? 1
  );
});
