// `npm run soak`: whole-system tests at full length, hours of audio where `npm test` has minutes.
import { requireNode } from './setup/node-version.mjs';

requireNode();
process.env.SOAK = '1';
const { runMain } = await import('./setup/setup-error.mjs');
const { test } = await import('./test/main.mjs');
await runMain(() =>
  test(['test/src/upload-memory.test.ts', 'test/src/long-job.test.ts', 'test/src/scaling-rehearsal.test.ts']),
);
