// `npm run bench -- NAME`: one of the measurements under test/src/bench.
import { requireNode } from './setup/node-version.mjs';

requireNode();
const { runMain } = await import('./setup/setup-error.mjs');
const { bench } = await import('./bench/main.mjs');
await runMain(() => bench(process.argv.slice(2)));
