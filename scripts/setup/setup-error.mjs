import { endCommands } from './command.mjs';

/** A failure whose message already says to a person what is wrong and what to do; printed without a stack. */
export class SetupError extends Error {
  /** @override */
  name = 'SetupError';
}

/**
 * Runs a script's main function: prints what it throws and sets the exit status it returns (undefined is 0). A signal that nobody
 * takes meanwhile ends the commands that run, npm for one, and then this process, as it would without us.
 * @param {() => Promise<number | undefined>} main
 */
export async function runMain(main) {
  const stop = (signal) => {
    if (process.listenerCount(signal) > 1) return;
    endCommands();
    process.off(signal, stop);
    process.kill(process.pid, signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  try {
    process.exitCode = (await main()) ?? 0;
    if (process.exitCode !== 0) endAll();
  } catch (error) {
    console.error(error instanceof SetupError ? `\n${error.message}` : error);
    process.exitCode = 1;
    endAll();
  }
}

/** Nothing of a set-up that failed goes on, not even what would be tried again. */
function endAll() {
  endCommands();
  setTimeout(() => process.exit(), 1_000).unref();
}
