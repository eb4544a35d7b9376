import { readEnvironment } from './config.js';
import { run } from './run.js';

process.exitCode = await run(process.argv.slice(2), readEnvironment(), {
  out: (text) => { process.stdout.write(text); },
  err: (text) => { process.stderr.write(text); },
  isWatched: process.stderr.isTTY,
  columns: process.stderr.isTTY ? process.stderr.columns : 80,
});
