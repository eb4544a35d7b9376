// Loaded into the process of each test file by `node --import`: gives every test and hook a limit, which the runners of Node.js 20,
// 22 and 24 treat each in its own way, and tells run-tests.mjs what is running, so that it can end what does not end by itself.
import { appendFileSync, writeFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { TEST_LIMIT_MS, placesFile, watchFile } from './limits.mjs';

const folder = process.env.TEST_WATCH_FOLDER;
if (folder !== undefined && isMainThread && process.env.NODE_TEST_CONTEXT !== undefined) {
  // Processes that a test starts inherit the environment; only the file's own is watched.
  delete process.env.TEST_WATCH_FOLDER;
  const limitMs = Number(process.env.TEST_LIMIT_MS ?? TEST_LIMIT_MS);
  const running = new Set();
  let last = null;
  const tell = () => {
    const [oldest = { name: null, limitMs, sinceMs: Date.now() }] = running;
    writeFileSync(watchFile(folder, process.pid), JSON.stringify({ file: process.argv[1], last, ...oldest }));
  };

  /** The same registration with a limit, unless the test states its own, and with its beginning and end told. */
  const limited =
    (register, kind) =>
    (...given) => {
      const work = given.findIndex((one) => typeof one === 'function');
      // A body with a second parameter ends by calling it.
      if (work === -1 || given[work].length > 1) return register(...given);
      const options = given.find((one) => typeof one === 'object' && one !== null) ?? {};
      const timeout = options.timeout ?? limitMs;
      const name = typeof given[0] === 'string' ? given[0] : `the hook ${kind}`;
      // To node:test it is this file that registers the test.
      const place = /(\/[^\s():]+):(\d+):(\d+)/.exec(new Error().stack?.split('\n')[2] ?? '');
      if (place !== null)
        appendFileSync(
          placesFile(folder),
          `${JSON.stringify({ name, file: place[1], line: Number(place[2]), column: Number(place[3]) })}\n`,
        );
      const body = async (...inputs) => {
        const entry = { name, limitMs: timeout, sinceMs: Date.now() };
        const end = () => {
          clearTimeout(timer);
          if (!running.delete(entry)) return;
          last = name;
          tell();
        };
        // A body that hangs has failed by then, and other tests go on.
        const timer = setTimeout(end, timeout).unref();
        running.add(entry);
        tell();
        try {
          return await given[work](...inputs);
        } finally {
          end();
        }
      };
      return kind === 'test' ? register(name, { ...options, timeout }, body) : register(body, { ...options, timeout });
    };

  const api = createRequire(import.meta.url)('node:test');
  for (const kind of ['test', 'before', 'beforeEach', 'after', 'afterEach']) api[kind] = limited(api[kind], kind);
  syncBuiltinESMExports();
  tell();
}
