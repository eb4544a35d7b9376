// Puts the files of scripts/setup/artifacts.mjs and the console under .murmuration while an image is built. The dependencies are there.
import { join } from 'node:path';
import { ARTIFACTS } from '../../scripts/setup/artifacts.mjs';
import { ensureArtifacts } from '../../scripts/setup/fetch-artifacts.mjs';
import { LOCAL_FOLDER, ROOT } from '../../scripts/setup/paths.mjs';
import { buildConsole } from '../../scripts/setup/prepare.mjs';
import { runMain } from '../../scripts/setup/setup-error.mjs';

await runMain(async () => {
  await ensureArtifacts(
    ARTIFACTS.map((artifact) => ({ ...artifact, required: true })),
    {
      root: ROOT,
      folders: { models: join(LOCAL_FOLDER, 'models'), web: join(LOCAL_FOLDER, 'web') },
      scratch: join(LOCAL_FOLDER, 'scratch'),
    },
  );
  await buildConsole();
});
