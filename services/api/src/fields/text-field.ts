import { z } from 'zod';

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
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodOptional || inner instanceof z.ZodNullable || inner instanceof z.ZodPrefault) {
    nullable ||= inner instanceof z.ZodNullable;
    inner = inner.unwrap();
  }
  return { type: inner._zod.def.type, nullable };
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, 1: true, yes: true, on: true, false: false, 0: false, no: false, off: false };

function read(text: string, kind: Kind): unknown {
  const trimmed = text.trim();
  if (kind.nullable && /^(?:null|none|off)$/i.test(trimmed)) return null;
  // What cannot be read stays text, and the schema says what it wants instead.
  if (kind.type === 'number') return NUMBER.test(trimmed) ? Number(trimmed) : text;
  if (kind.type === 'boolean') return BOOLEANS[trimmed.toLowerCase()] ?? text;
  return text;
}
