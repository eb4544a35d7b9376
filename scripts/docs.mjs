// `npm run docs`: builds the site out of docs/, into .murmuration/site. VitePress is fetched for this alone, with a lockfile of its own.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireNode } from './setup/node-version.mjs';

requireNode();
const { runMain } = await import('./setup/setup-error.mjs');
const { runVisibly } = await import('./setup/command.mjs');
const { ensureDependencies } = await import('./setup/npm-dependencies.mjs');
const { LOCAL_FOLDER, ROOT } = await import('./setup/paths.mjs');
const { prepare } = await import('./setup/prepare.mjs');
const { say } = await import('./setup/say.mjs');
const { describedApi } = await import('./docs/described-api.mjs');
const { openApiPage } = await import('./docs/openapi-page.mjs');

await runMain(async () => {
  const pages = join(ROOT, 'docs');
  const tools = join(pages, '.vitepress');
  await prepare();
  await ensureDependencies(tools);
  writeFileSync(join(pages, 'every-address.md'), openApiPage(await describedApi()));
  const program = join(tools, 'node_modules', 'vitepress', 'bin', 'vitepress.js');
  const status = (await runVisibly(process.execPath, [program, 'build', pages], { cwd: ROOT })) ?? 1;
  if (status === 0) say('docs', `the site is in ${join(LOCAL_FOLDER, 'site')}`);
  return status;
});
