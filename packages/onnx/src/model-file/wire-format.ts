/** One field of a protocol-buffers message, its payload as it lies in the file. Source: the encoding page of protobuf.dev. */
export type WireField =
  | { readonly number: number; readonly kind: 'varint'; readonly value: bigint }
  | { readonly number: number; readonly kind: 'fixed64' | 'bytes' | 'fixed32'; readonly bytes: Uint8Array };

const WIRE_TYPES = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Splits a message into its fields, in order. Payloads are views of `message`, nothing is copied. Throws `RangeError` when the bytes are no message. */
export function readFields(message: Uint8Array): WireField[] {
  const fields: WireField[] = [];
  let position = 0;
  const readVarint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[position++];
      if (byte === undefined) throw new RangeError('the message ends inside a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number is longer than ten bytes');
  };
  const take = (lengthBytes: number): Uint8Array => {
    if (position + lengthBytes > message.length) throw new RangeError('the message ends inside a field');
    position += lengthBytes;
    return message.subarray(position - lengthBytes, position);
  };
  while (position < message.length) {
    const tag = Number(readVarint());
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case WIRE_TYPES.varint:
        fields.push({ number, kind: 'varint', value: readVarint() });
        break;
      case WIRE_TYPES.fixed64:
        fields.push({ number, kind: 'fixed64', bytes: take(8) });
        break;
      case WIRE_TYPES.bytes:
        fields.push({ number, kind: 'bytes', bytes: take(Number(readVarint())) });
        break;
      case WIRE_TYPES.fixed32:
        fields.push({ number, kind: 'fixed32', bytes: take(4) });
        break;
      default:
        throw new RangeError(`a field has the unknown wire type ${String(tag % 8)}`);
    }
  }
  return fields;
}

/** Joins fields to a message. */
export function writeFields(fields: readonly WireField[]): Uint8Array {
  return concatenate(piecesOf(fields));
}

/** Joins fields and, as the last of them, a message of its own fields; what these hold is copied once. */
export function writeFieldsAround(
  fields: readonly WireField[],
  number: number,
  inner: readonly WireField[],
): Uint8Array {
  const pieces = piecesOf(inner);
  const lengthBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return concatenate([
    ...piecesOf(fields),
    varint(BigInt(number * 8 + WIRE_TYPES.bytes)),
    varint(BigInt(lengthBytes)),
    ...pieces,
  ]);
}

function piecesOf(fields: readonly WireField[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (const field of fields) {
    pieces.push(varint(BigInt(field.number * 8 + WIRE_TYPES[field.kind])));
    if (field.kind === 'varint') pieces.push(varint(field.value));
    else {
      if (field.kind === 'bytes') pieces.push(varint(BigInt(field.bytes.length)));
      pieces.push(field.bytes);
    }
  }
  return pieces;
}

/** The numbers of a packed repeated field. */
export function readPackedVarints(bytes: Uint8Array): bigint[] {
  const values: bigint[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) {
      values.push(value);
      value = 0n;
      shift = 0n;
    } else shift += 7n;
  }
  return values;
}

export const text = {
  encode: (value: string): Uint8Array => encoder.encode(value),
  decode: (bytes: Uint8Array): string => decoder.decode(bytes),
};
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A string field. */
export function stringField(number: number, value: string): WireField {
  return { number, kind: 'bytes', bytes: text.encode(value) };
}

/** An integer or enum field; `value` is not negative unless it is an int64. */
export function intField(number: number, value: number): WireField {
  return { number, kind: 'varint', value: BigInt.asUintN(64, BigInt(value)) };
}

/** A field that holds a message. */
export function messageField(number: number, fields: readonly WireField[]): WireField {
  return { number, kind: 'bytes', bytes: writeFields(fields) };
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let position = 0;
  for (const piece of pieces) {
    whole.set(piece, position);
    position += piece.length;
  }
  return whole;
}
