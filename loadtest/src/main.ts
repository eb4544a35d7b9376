import { loadTest } from './load-test.js';

process.exitCode = await loadTest(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
});
