// `npm start`: sees to the dependencies and compiles, then hands over to `murmur up`. Imports after the check of Node.js, so that an old one gets a sentence, not a stack.
import { requireNode } from './setup/node-version.mjs';

requireNode();
const { runMain } = await import('./setup/setup-error.mjs');
const { start } = await import('./setup/start.mjs');
await runMain(() => start(process.argv.slice(2)));
