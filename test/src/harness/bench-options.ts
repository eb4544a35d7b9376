import { parseArgs, type ParseArgsConfig } from 'node:util';

/** Options of a measurement from its command line. One that it does not know ends the process with a sentence and status 2. */
export function benchOptions<T extends NonNullable<ParseArgsConfig['options']>>(
  options: T,
): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n--help says what there is.\n`);
    process.exit(2);
  }
}
