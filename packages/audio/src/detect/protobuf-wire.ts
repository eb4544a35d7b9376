/** One field of a protocol buffers message: a number for wire type 0, its bytes for wire types 1, 2 and 5. */
export interface WireField {
  readonly number: number;
  readonly value: bigint | Uint8Array;
}

/** Splits a message into its fields, in order (encoding: protobuf.dev, "Encoding"). Byte values are views. Throws `RangeError` when the message is damaged. */
export function readFields(message: Uint8Array): WireField[] {
  const fields: WireField[] = [];
  let position = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[position++];
      if (byte === undefined) throw new RangeError('the message ends inside a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number is longer than ten bytes');
  };
  const bytes = (length: number): Uint8Array => {
    if (length > message.length - position) throw new RangeError('the message ends inside a field');
    position += length;
    return message.subarray(position - length, position);
  };
  while (position < message.length) {
    const key = Number(varint());
    const number = key >>> 3;
    switch (key & 7) {
      case 0: fields.push({ number, value: varint() }); break;
      case 1: fields.push({ number, value: bytes(8) }); break;
      case 2: fields.push({ number, value: bytes(Number(varint())) }); break;
      case 5: fields.push({ number, value: bytes(4) }); break;
      default: throw new RangeError(`unknown wire type ${String(key & 7)}`);
    }
  }
  return fields;
}
