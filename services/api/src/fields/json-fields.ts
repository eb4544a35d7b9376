import { AsrError } from '@murmuration/contracts';
import type { FieldBag } from './field-bag.js';
import { guardedJson } from './guarded-json.js';

/** Adds the fields of a JSON body. Objects become JSON text, as a form would have them; null counts as not sent. Throws `invalid_request`, `invalid_field`. */
export function addJsonFields(bag: FieldBag, text: string): void {
  const value = guardedJson(text, 'The body');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new AsrError('invalid_request', 'The body must be a JSON object of fields.');
  for (const [name, field] of Object.entries(value) as [string, unknown][]) {
    if (bag.isList(name) && Array.isArray(field)) for (const one of field as unknown[]) bag.add(name, asText(one));
    else if (field !== null) bag.add(name, asText(field));
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
