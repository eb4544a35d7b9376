// `npm run check:deploy`: what lies under deploy/, checked without a cluster and without a container engine.
import { requireNode } from './setup/node-version.mjs';

requireNode();
const { runMain } = await import('./setup/setup-error.mjs');
const { checkDeploy } = await import('./deploy/main.mjs');
await runMain(checkDeploy);
