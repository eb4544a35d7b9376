import type { z } from 'zod';
import { AsrError } from '@murmuration/contracts';
import { shown, type FieldBag } from './field-bag.js';

/** The bag's fields by their schema. Throws `unknown_field` or `invalid_field` naming the first one at fault. */
export function parseFields<T extends z.ZodType>(schema: T, bag: FieldBag): z.output<T> {
  const result = schema.safeParse(bag.values());
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    const name = shown(issue.keys[0] ?? '');
    throw new AsrError('unknown_field', `${name}: not a known field. The fields are listed in /docs.`, { param: name });
  }
  const name = shown(String(issue?.path[0] ?? ''));
  throw new AsrError('invalid_field', `${name}: ${issue?.message ?? 'not valid'}`, { param: name });
}
