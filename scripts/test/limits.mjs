import { join } from 'node:path';

/** Longest run of a test or hook that does not state another as `timeout`: a stuck one fails within two minutes, milliseconds. */
export const TEST_LIMIT_MS = 110_000;
/** Where the process of a test file tells what it runs. */
export function watchFile(folder, pid) {
  return join(folder, `${String(pid)}.json`);
}

/** Where the processes of test files tell which line each test stands on. */
export function placesFile(folder) {
  return join(folder, 'places.jsonl');
}
