// Runs test files, each in a process of its own, three at a time: on two cores, files wait for a quarter of their time.
// Started by test.mjs as `node --enable-source-maps --import test-watch.mjs run-tests.mjs`, whose flags the processes of the files inherit.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { pipeline } from 'node:stream/promises';
import { placesFile } from './limits.mjs';
import { endStuckFiles } from './stuck-files.mjs';
import { SummedEvents } from './summed-events.mjs';

const { root, groups } = JSON.parse(readFileSync(0, 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'murmuration-tests-'));
process.env.TEST_WATCH_FOLDER = folder;
const events = new SummedEvents(
  groups
    .filter(({ files }) => files.length > 0)
    .map(
      ({ files, concurrency }) =>
        () =>
          run({ files: files.map((file) => join(root, file)), concurrency }),
    ),
  placed,
);
const unwatch = endStuckFiles(folder, (told) => {
  events.stuck({ ...told, file: relative(root, told.file) });
});
try {
  await pipeline(events, new spec(), process.stdout);
  process.exitCode = events.failed ? 1 : 0;
} finally {
  unwatch();
  rmSync(folder, { recursive: true, force: true });
}

/** A failure with the line of its test: test-watch.mjs stands between it and node:test. */
function placed(event) {
  if (!event.data.file?.endsWith('test-watch.mjs')) return event;
  const place = readFileSync(placesFile(folder), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .find(({ name }) => name === event.data.name || event.data.name.endsWith('test-watch.mjs'));
  return place === undefined ? event : { ...event, data: { ...event.data, ...place } };
}
