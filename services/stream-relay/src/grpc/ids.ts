import { AsrError } from '@murmuration/contracts';
import type { z } from 'zod';

const JOB_ID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
const SESSION_ID = /^[\w-]{1,100}$/;
const EVENT_ID = /^\d{1,16}(?:-\d{1,16})?$/;

/** Throws `not_found` for what can be no job's id. */
export function jobId(text: string): string {
  if (!JOB_ID.test(text)) throw new AsrError('not_found', 'There is no such job.');
  return text.toLowerCase();
}

/** Throws `not_found` for what can be no session's id. */
export function sessionId(text: string): string {
  if (!SESSION_ID.test(text)) throw new AsrError('not_found', 'There is no such session.');
  return text;
}

/** An event to continue from, null where none is named. Throws `invalid_field` for what can be no event's id. */
export function eventId(param: string, text: string | null | undefined): string | null {
  if (text === null || text === undefined || text === '') return null;
  if (!EVENT_ID.test(text)) throw invalidField(param, 'not an id of an event');
  return text;
}

/** The value by its schema. Throws `invalid_field` that names the first field at fault as the message has it: `nameOf` gets its path in the schema. */
export function parsed<T extends z.ZodType>(
  schema: T,
  value: unknown,
  nameOf: (path: readonly string[]) => string,
): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw invalidField(
    nameOf(issue?.path.filter((part) => typeof part === 'string') ?? []),
    issue?.message ?? 'not valid',
  );
}

export function invalidField(param: string, what: string): AsrError {
  return new AsrError('invalid_field', `${param}: ${what}`, { param });
}

/** `minSilenceMs` as the files have it: `min_silence_ms`. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Without what was not given, so that defaults apply. */
export function given(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null));
}

/** The value of an enum, undefined for its `…_UNSPECIFIED`. Throws `invalid_field` for a number that has no name. */
export function chosen<T>(param: string, name: string | number, values: Readonly<Record<string, T>>): T | undefined {
  if (typeof name === 'string') return values[name];
  throw invalidField(param, `${String(name)} is no value that is known. See proto/murmuration/v1.`);
}
