/** A failure whose message already says to a person what is wrong and what to do; printed without a stack. */
export class SetupError extends Error {
  name = 'SetupError';
}

/** Runs a script's main function: prints what it throws and sets the exit status it returns (undefined is 0). */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    console.error(error instanceof SetupError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
