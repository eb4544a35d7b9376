import { z } from 'zod';
import { AsrError, type TranscribeOptions } from '@murmuration/contracts';

/** How one endpoint names its fields. */
export interface FieldReader<Fields> {
  /** Fields that may come more than once. */
  readonly lists: readonly string[];
  /** The schema that validates and that the API description is made from. */
  readonly schema: z.ZodType;
  /** True when a field that is not known is an error. */
  readonly strict: boolean;
  /** Part of the form that is the recording; `file` unless given. */
  readonly fileField?: string;
  /** Reads what has come so far. Throws `AsrError` naming the field. */
  read(bag: FieldBag): Fields;
}

/** The fields of an endpoint that answers with the transcript: the options for the model, and the form of the answer. */
export type UploadReader<Answer> = FieldReader<ReadFields<Answer>>;

export interface ReadFields<Answer> {
  readonly options: TranscribeOptions;
  readonly answer: Answer;
}

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
    if (FORBIDDEN.has(base) || /\[(?:__proto__|constructor|prototype)\]/.test(name))
      throw new AsrError('invalid_field', 'A field may not have this name.', { param: shown(name) });
    const list = this.#lists.has(base) && /^(?:\[\d*\])?$/.test(name.slice(base.length));
    const key = list ? base : name;
    const values = this.#values.get(key);
    if (values === undefined) this.#values.set(key, [value]);
    else if (list) values.push(value);
    else
      throw new AsrError(
        'invalid_field',
        `${shown(name)}: came more than once. Send it once, in the form or as a query parameter.`,
        { param: shown(name) },
      );
  }

  /** Adds what the address says. */
  addQuery(query: unknown): void {
    if (typeof query !== 'object' || query === null) return;
    for (const [name, value] of Object.entries(query) as [string, unknown][]) {
      for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) this.add(name, String(one));
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
      if (Array.isArray(values) && values.every((value) => typeof value === 'string' || typeof value === 'number'))
        return values.map(String);
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

/** The schema for a value that comes as text: numbers, true/false and null are read from it, everything else is left as it is. */
export function textField<T extends z.ZodType>(schema: T) {
  const kind = kindOf(schema);
  return z.preprocess((value) => (typeof value === 'string' ? read(value, kind) : value), schema).optional();
}

interface Kind {
  readonly type: string;
  readonly nullable: boolean;
}

function kindOf(schema: z.ZodType): Kind {
  let inner: z.core.$ZodType = schema;
  let nullable = false;
  while (
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodNullable ||
    inner instanceof z.ZodPrefault
  ) {
    nullable ||= inner instanceof z.ZodNullable;
    inner = inner.unwrap();
  }
  return { type: inner._zod.def.type, nullable };
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;
const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  1: true,
  yes: true,
  on: true,
  false: false,
  0: false,
  no: false,
  off: false,
};

function read(text: string, kind: Kind): unknown {
  const trimmed = text.trim();
  if (kind.nullable && /^(?:null|none|off)$/i.test(trimmed)) return null;
  // What cannot be read stays text, and the schema says what it wants instead.
  if (kind.type === 'number') return NUMBER.test(trimmed) ? Number(trimmed) : text;
  if (kind.type === 'boolean') return BOOLEANS[trimmed.toLowerCase()] ?? text;
  return text;
}
