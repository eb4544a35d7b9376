import { join } from 'node:path';
import { ensureEmitted } from './build.mjs';
import { Instance } from './instance.mjs';
import { dependencyState, ensureDependencies } from './npm-dependencies.mjs';
import { ROOT, stateFolder } from './paths.mjs';
import { buildConsole, ensureFiles } from './prepare.mjs';
import { say } from './say.mjs';

/**
 * `npm start`; answers the exit status. Everything but the set-up is `murmur up`, which is compiled by then.
 * @param {string[]} args
 */
export async function start(args) {
  // Two must not install at once; where nothing is to be installed, `murmur up` takes the mark once it knows what it is asked for.
  const instance =
    dependencyState(ROOT) === 'stale' ? await Instance.claim(join(stateFolder(), 'start.json')) : undefined;
  try {
    const dependencies = ensureDependencies(ROOT);
    const files =
      instance === undefined || asksForModel(args) ? undefined : ensureFiles({ model: 'moonshine-tiny', dependencies });
    // Told by `murmur up`, which waits for it after it has looked at its arguments.
    files?.catch(() => {});
    await dependencies;
    // The page is there soon after the server, which does without it.
    buildConsole().catch((error) => {
      say('console', error.message);
    });
    await ensureEmitted(ROOT);
    const { processTerminal } = await import(new URL('../../cli/dist/terminal.js', import.meta.url).href);
    const { run } = await import(new URL('../../cli/dist/run.js', import.meta.url).href);
    return await run(['up', ...args], process.env, processTerminal(), { instance, files });
  } finally {
    instance?.release();
  }
}

function asksForModel(args) {
  return args.some((arg) => arg.startsWith('--model')) || (process.env.MODEL_PATH ?? '').trim() !== '';
}
