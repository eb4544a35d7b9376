// `npm test`: everything that is checked. Imports after the check of Node.js, so that an old one gets a sentence, not a stack.
import { requireNode } from './setup/node-version.mjs';

requireNode();
const { runMain } = await import('./setup/setup-error.mjs');
const { test } = await import('./test/main.mjs');
await runMain(() => test(process.argv.slice(2)));
