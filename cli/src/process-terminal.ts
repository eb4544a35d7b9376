import { constants } from 'node:os';
import { Interrupted, type Terminal } from './terminal.js';

/** A terminal that is given back at the end: who still waited for input would keep the program. */
interface ProcessTerminal extends Terminal {
  release(): void;
}

/** The terminal of this process. A reader that has seen enough, as in `murmur … | head`, is no error. */
export function processTerminal(): ProcessTerminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  let interruption: AbortSignal | undefined;
  let isRead = false;
  return {
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
    isWatched: process.stderr.isTTY,
    // A terminal that does not know its width says 0.
    columns: process.stderr.isTTY && process.stderr.columns > 0 ? process.stderr.columns : 80,
    get input() {
      isRead = true;
      return process.stdin;
    },
    interrupted: () => (interruption ??= takeSignals()),
    release: () => {
      if (isRead) process.stdin.destroy();
    },
  };
}

/** Takes Ctrl-C and SIGTERM over. */
function takeSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      const status = 128 + constants.signals[name];
      if (controller.signal.aborted) process.exit(status);
      controller.abort(new Interrupted(status));
    });
  }
  return controller.signal;
}
