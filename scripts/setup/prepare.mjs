import { join } from 'node:path';
import { ARTIFACTS } from './artifacts.mjs';
import { ensureBuilt } from './build.mjs';
import { ensureArtifacts } from './fetch-artifacts.mjs';
import { ensureDependencies } from './npm-dependencies.mjs';
import { LOCAL_FOLDER, ROOT, modelCache } from './paths.mjs';

/**
 * What every command needs: npm dependencies, the compiled sources, and the files that come out of npm packages.
 * `build: false` leaves compiling to the caller. `wants(artifact)` picks among the table's entries.
 */
export async function prepare({ build = true, wants = () => true } = {}) {
  await ensureDependencies(ROOT);
  if (build) await ensureBuilt(ROOT);
  await ensureArtifacts(ARTIFACTS.filter(wants), {
    root: ROOT,
    folders: { models: modelCache(), web: join(LOCAL_FOLDER, 'web') },
    scratch: join(LOCAL_FOLDER, 'scratch'),
  });
}
