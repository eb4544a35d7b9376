import { z } from 'zod';

/** A bad environment: the message names each variable and what it must be, never a value. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
}

/**
 * Parses variables once into a strict object. An empty value counts as unset.
 * Throws `EnvironmentError` that names every bad variable; values are left out, for some are secrets.
 */
export function parseEnvironment<T extends z.ZodRawShape>(
  shape: T,
  environment: Readonly<Record<string, string | undefined>>,
): z.output<z.ZodObject<T>> {
  const given: Record<string, string> = {};
  for (const name of Object.keys(shape)) {
    const value = environment[name];
    if (value !== undefined && value.trim() !== '') given[name] = value.trim();
  }
  const result = z.object(shape).safeParse(given);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new EnvironmentError(`The environment is not usable. ${lines.join('; ')}`);
}

/** An integer variable within bounds; `unit` goes into the message. */
export function integerVariable(minimum: number, maximum: number, unit = ''): z.ZodType<number, string> {
  const message = `must be a whole number from ${String(minimum)} to ${String(maximum)}${unit === '' ? '' : ` (${unit})`}`;
  return z
    .string()
    .regex(/^-?\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, message);
}

/** A TCP port; 0 takes a free one. */
export const portVariable = integerVariable(0, 65_535, 'a port; 0 takes a free one');

/** true/false, 1/0, yes/no, on/off. */
export const booleanVariable = z.stringbool({ error: 'must be true or false' });

export const logLevelVariable = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
  error: 'must be fatal, error, warn, info, debug, trace or silent',
});

/** Origins of web pages that may call, apart by commas; `*` for all. */
export const originsVariable = z
  .string()
  .transform((value) =>
    value
      .split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ''),
  )
  .refine(
    (origins) => origins.every((origin) => origin === '*' || /^https?:\/\/[^/\s]+$/.test(origin)),
    'must be * or origins such as https://app.example, apart by commas',
  );

/** Host names that are served without keys, apart by commas and without a port; `*` for all. */
export const hostsVariable = z
  .string()
  .transform((value) =>
    value
      .split(',')
      .map((host) => host.trim().toLowerCase())
      .filter((host) => host !== ''),
  )
  .refine(
    (hosts) => hosts.every((host) => host === '*' || /^[\w-]+(\.[\w-]+)*$/.test(host)),
    'must be * or host names such as asr.example, apart by commas, without a port',
  );

/** True when only programs on this machine reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/** The configuration, or the end of the process with status 1 and one line that says what is wrong: before there is a logger. */
export function configOrExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
