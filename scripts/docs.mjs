// `npm run docs`: builds the site out of docs/, into .murmuration/site. VitePress is fetched for this alone, with a lockfile of its own.
import { join } from 'node:path';
import { runVisibly } from './setup/command.mjs';
import { ensureDependencies } from './setup/npm-dependencies.mjs';
import { requireNode } from './setup/node-version.mjs';
import { LOCAL_FOLDER, ROOT } from './setup/paths.mjs';
import { say } from './setup/say.mjs';
import { runMain } from './setup/setup-error.mjs';

requireNode();
await runMain(async () => {
  const tools = join(ROOT, 'docs', '.vitepress');
  await ensureDependencies(tools);
  const program = join(tools, 'node_modules', 'vitepress', 'bin', 'vitepress.js');
  const status = (await runVisibly(process.execPath, [program, 'build', join(ROOT, 'docs')], { cwd: ROOT })) ?? 1;
  if (status === 0) say('docs', `the site is in ${join(LOCAL_FOLDER, 'site')}`);
  return status;
});
