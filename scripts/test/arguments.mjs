/** A command line that means nothing; the message says which part of it. */
export class UsageError extends Error {
  /** @override */
  name = 'UsageError';
}

export const USAGE = `npm test [-- PATH…]

Prepares the checkout as npm start does, then checks types, lint, boundaries and dead code and runs all tests.
With paths (a package such as packages/audio, a folder or a test file) only the types and the tests that lie there.`;

/** `{ help, paths }` of a command line. Throws `UsageError` for an option that is not known. */
export function parseTestArguments(args) {
  const unknown = args.find((arg) => arg.startsWith('-') && !['--help', '-h'].includes(arg));
  if (unknown !== undefined) throw new UsageError(`Unknown option '${unknown}'`);
  return { help: args.some((arg) => arg.startsWith('-')), paths: args };
}
