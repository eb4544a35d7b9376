// `npm run check:images`: builds the images and runs them as a cluster. CONTAINER_BUILD, CONTAINER_RUN and CONTAINER_ENGINE name the commands.
import { requireNode } from './setup/node-version.mjs';

requireNode();
const { runMain } = await import('./setup/setup-error.mjs');
const { checkImages } = await import('./deploy/check-images.mjs');
await runMain(checkImages);
