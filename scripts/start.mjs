// `npm start`: everything on one machine. Imports after the check of Node.js, so that an old one gets a sentence, not a stack.
import { requireNode } from './setup/node-version.mjs';

requireNode();
const { runMain } = await import('./setup/setup-error.mjs');
const { start } = await import('./start/main.mjs');
await runMain(() => start(process.argv.slice(2)));
