// `npm run check:upgrade -- [REVISION]`: services of an earlier revision beside those of this one, as during an upgrade.
import { requireNode } from './setup/node-version.mjs';

requireNode();
const { runMain } = await import('./setup/setup-error.mjs');
const { checkUpgrade } = await import('./test/check-upgrade.mjs');
await runMain(() => checkUpgrade(process.argv.slice(2)));
