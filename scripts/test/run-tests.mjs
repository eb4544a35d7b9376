// Runs test files, each in a process of its own: those of the rooms two at a time, then those of whole systems one at a time.
// Started by test.mjs as `node --enable-source-maps run-tests.mjs`, whose flags the processes of the files inherit.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { pipeline } from 'node:stream/promises';
import { SummedEvents } from './summed-events.mjs';

// A file that leaks a handle never ends by itself; then this says so. The slowest files start several clusters.
const FILE_LIMIT_MS = 15 * 60_000;

const { root, groups } = JSON.parse(readFileSync(0, 'utf8'));
const events = new SummedEvents(groups
  .filter(({ files }) => files.length > 0)
  .map(({ files, concurrency }) => () => run({ files: files.map((file) => join(root, file)), concurrency, timeout: FILE_LIMIT_MS })));
await pipeline(events, new spec(), process.stdout);
process.exitCode = events.failed ? 1 : 0;
