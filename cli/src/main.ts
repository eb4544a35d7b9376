import { constants } from 'node:os';
import { readEnvironment } from './config.js';
import { run } from './run.js';
import { Interrupted } from './terminal.js';

/** A reader that has seen enough, as in `murmur … | head`, is no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

let interruption: AbortSignal | undefined;

/** Takes Ctrl-C and SIGTERM over, the first time that it is asked for. */
function interrupted(): AbortSignal {
  if (interruption !== undefined) return interruption;
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      const status = 128 + constants.signals[name];
      if (controller.signal.aborted) process.exit(status);
      controller.abort(new Interrupted(status));
    });
  }
  interruption = controller.signal;
  return interruption;
}

const standardInput = { isRead: false };

process.exitCode = await run(process.argv.slice(2), readEnvironment(), {
  out: (text) => { process.stdout.write(text); },
  err: (text) => { process.stderr.write(text); },
  isWatched: process.stderr.isTTY,
  // A terminal that does not know its width says 0.
  columns: process.stderr.isTTY && process.stderr.columns > 0 ? process.stderr.columns : 80,
  get input() {
    standardInput.isRead = true;
    return process.stdin;
  },
  interrupted,
});
// Who still waits for input waits for nothing, and would keep the program.
if (standardInput.isRead) process.stdin.destroy();
