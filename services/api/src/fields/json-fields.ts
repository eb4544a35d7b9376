import { AsrError } from '@murmuration/contracts';
import { shown, type FieldBag } from './field-bag.js';

/** Deepest nesting of objects and lists. */
const MAX_DEPTH = 32;
const NUMBER = /-?\d[\d.eE+-]*/y;

/**
 * The value of a JSON text from a client. Throws `invalid_request` for what is no JSON or is nested more than 32 deep, `invalid_field` naming the key
 * for one that comes twice in an object and for `__proto__`, `invalid_request` for whole numbers that a double does not hold: each would come back as something else.
 */
export function guardedJson(text: string, what: string): unknown {
  const value = parsed(text, what);
  // What follows relies on the text being JSON.
  requireSane(text, what);
  return value;
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's own message quotes the text.
    throw new AsrError('invalid_request', `${what} is not JSON.`);
  }
}

function requireSane(text: string, what: string): void {
  // Null stands for a list, which has no keys.
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length;) {
    const char = text.charAt(at);
    let end = at + 1;
    if (char === '{') open.push(new Set());
    else if (char === '[') open.push(null);
    else if (char === '}' || char === ']') open.pop();
    else if (char === '"') {
      end = stringEnd(text, at);
      const keys = open.at(-1);
      if (keys instanceof Set && isKey(text, end)) addKey(keys, JSON.parse(text.slice(at, end)) as string);
    } else if (char === '-' || (char >= '0' && char <= '9')) end = numberEnd(text, at, what);
    if (open.length > MAX_DEPTH)
      throw new AsrError('invalid_request', `${what} is nested more than ${String(MAX_DEPTH)} deep.`);
    at = end;
  }
}

function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at + 1;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (/\s/.test(text.charAt(at))) at++;
  return text.charAt(at) === ':';
}

/** @param key with its escapes read, so that no spelling of a key is another key */
function addKey(keys: Set<string>, key: string): void {
  if (key === '__proto__') throw new AsrError('invalid_field', 'A field may not have this name.', { param: key });
  if (keys.has(key)) throw new AsrError('invalid_field', `${shown(key)}: came more than once.`, { param: shown(key) });
  keys.add(key);
}

function numberEnd(text: string, start: number, what: string): number {
  NUMBER.lastIndex = start;
  const token = NUMBER.exec(text)?.[0] ?? '';
  if (/^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)))
    throw new AsrError('invalid_request', `${what} has a whole number beyond 2^53. Send it as text.`);
  return start + token.length;
}

/** JSON with the keys of every object in order: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** Adds the fields of a JSON body. Objects become JSON text, as a form would have them; null counts as not sent. Throws `invalid_request`, `invalid_field`. */
export function addJsonFields(bag: FieldBag, text: string): void {
  const value = guardedJson(text, 'The body');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AsrError('invalid_request', 'The body must be a JSON object of fields.');
  for (const [name, field] of Object.entries(value) as [string, unknown][]) {
    if (bag.isList(name) && Array.isArray(field)) for (const one of field as unknown[]) bag.add(name, asText(one));
    else if (field !== null) bag.add(name, asText(field));
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
