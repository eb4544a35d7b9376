import { AsrError } from '@murmuration/contracts';

/** Names that would reach an object's inside. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const SHOWN_NAME = 64;

/** Fields of one request as they came: query parameters first, then the form's in their order. */
export class FieldBag {
  readonly #values = new Map<string, string[]>();
  readonly #lists: ReadonlySet<string>;

  /** @param lists fields that may come more than once, as `name` or `name[]`, or hold several values: a JSON array, or apart by commas */
  constructor(lists: readonly string[]) {
    this.#lists = new Set(lists);
  }

  get size(): number {
    return this.#values.size;
  }

  /** True for a field that may come more than once. */
  isList(name: string): boolean {
    return this.#lists.has(name);
  }

  /** Throws `invalid_field` for a single field that comes again and for forbidden names. */
  add(name: string, value: string): void {
    const base = name.replace(/\[.*$/s, '');
    if (FORBIDDEN.has(base) || /\[(?:__proto__|constructor|prototype)\]/.test(name)) throw new AsrError('invalid_field', 'A field may not have this name.', { param: shown(name) });
    const list = this.#lists.has(base) && /^(?:\[\d*\])?$/.test(name.slice(base.length));
    const key = list ? base : name;
    const values = this.#values.get(key);
    if (values === undefined) this.#values.set(key, [value]);
    else if (list) values.push(value);
    else throw new AsrError('invalid_field', `${shown(name)}: came more than once. Send it once, in the form or as a query parameter.`, { param: shown(name) });
  }

  /** Adds what the address says. */
  addQuery(query: unknown): void {
    if (typeof query !== 'object' || query === null) return;
    for (const [name, value] of Object.entries(query) as [string, unknown][]) {
      for (const one of Array.isArray(value) ? value as unknown[] : [value]) this.add(name, String(one));
    }
  }

  /** Single fields as text, lists as arrays; a field sent empty counts as not sent. */
  values(): Record<string, string | string[]> {
    const all: [string, string | string[]][] = [];
    for (const [name, values] of this.#values) {
      const given = (this.#lists.has(name) ? values.flatMap(listed) : values).filter((value) => value !== '');
      const [first] = given;
      if (first !== undefined) all.push([name, this.#lists.has(name) ? given : first]);
    }
    return Object.fromEntries(all);
  }
}

/** The values of one text: a JSON array's, or those between commas. */
function listed(text: string): string[] {
  const trimmed = text.trim();
  if (trimmed.startsWith('[')) {
    try {
      const values = JSON.parse(trimmed) as unknown;
      if (Array.isArray(values) && values.every((value) => typeof value === 'string' || typeof value === 'number')) return values.map(String);
    } catch {
      // No JSON: text like any other.
    }
  }
  return trimmed.split(',').map((value) => value.trim());
}

/** A client's name of a field, cut to what an error may repeat. */
export function shown(name: string): string {
  return name.slice(0, SHOWN_NAME);
}
