import { parseArgs, type ParseArgsConfig } from 'node:util';
import { UsageError } from './terminal.js';

/** Options and the rest of a command line, as `parseArgs` gives them. Throws `UsageError`. */
export function parseOptions<const T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ args: string[]; allowPositionals: true; options: T }>> {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split('. ')[0] : String(error));
  }
}

/** One of the words that an option takes; `absent` when it was not given. Throws `UsageError`. */
export function choice<const T extends string>(
  option: string,
  value: string | undefined,
  choices: readonly T[],
  absent: T,
): T {
  if (value === undefined) return absent;
  const chosen = choices.find((one) => one === value);
  if (chosen === undefined) throw new UsageError(`${option} takes ${choices.join(', ')}`);
  return chosen;
}

/** A whole number that an option takes; `absent` when it was not given. Throws `UsageError`. */
export function count(
  option: string,
  value: string | undefined,
  { absent, least = 1, most }: { readonly absent: number; readonly least?: number; readonly most: number },
): number {
  if (value === undefined) return absent;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (number < least || number > most)
    throw new UsageError(`${option} takes a whole number from ${String(least)} to ${String(most)}`);
  return number;
}
