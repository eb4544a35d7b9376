// `npm run check:node -- 22 24 26 [PATH…]`: runs the tests on other versions of Node.js.
import { requireNode } from './setup/node-version.mjs';

requireNode();
const { runMain } = await import('./setup/setup-error.mjs');
const { checkNode } = await import('./test/check-node.mjs');
await runMain(() => checkNode(process.argv.slice(2)));
