import { viewOf } from './byte-queue.js';

/** Start of an EBML element (RFC 8794). */
export interface ElementHead {
  readonly id: number;
  /** Bytes of id and size. */
  readonly headBytes: number;
  /** Bytes of the body, or Infinity for "unknown". */
  readonly bodyBytes: number;
}

/** Reads an element's head: null when the bytes do not reach, `invalid` where none can start. */
export function readElementHead(bytes: Uint8Array, at = 0): ElementHead | null | 'invalid' {
  const first = bytes[at];
  if (first === undefined) return null;
  const idBytes = Math.clz32(first) - 23;
  if (idBytes > 4) return 'invalid';
  const size = readVint(bytes, at + idBytes);
  if (size === null || size === 'invalid') return size;
  let id = 0;
  for (let i = 0; i < idBytes; i++) id = id * 256 + (bytes[at + i] ?? 0);
  return { id, headBytes: idBytes + size.bytes, bodyBytes: size.value };
}

/** A number of 1 to 8 bytes; Infinity when all its bits are ones. */
export function readVint(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly bytes: number } | null | 'invalid' {
  const first = bytes[at];
  if (first === undefined) return null;
  const count = Math.clz32(first) - 23;
  if (count > 8) return 'invalid';
  if (at + count > bytes.length) return null;
  let value = first & ((1 << (8 - count)) - 1);
  let ones = value === (1 << (8 - count)) - 1;
  for (let i = 1; i < count; i++) {
    const byte = bytes[at + i] ?? 0;
    value = value * 256 + byte;
    ones &&= byte === 255;
  }
  return { value: ones ? Infinity : value, bytes: count };
}

/** The elements directly within a master element's body; stops at the first that does not fit. */
export function childElements(body: Uint8Array): { readonly id: number; readonly body: Uint8Array }[] {
  const children: { id: number; body: Uint8Array }[] = [];
  for (let at = 0; at < body.length;) {
    const head = readElementHead(body, at);
    if (head === null || head === 'invalid' || at + head.headBytes + head.bodyBytes > body.length) break;
    const from = at + head.headBytes;
    children.push({ id: head.id, body: body.subarray(from, from + head.bodyBytes) });
    at = from + head.bodyBytes;
  }
  return children;
}

/** An unsigned integer of up to 8 bytes. */
export function unsignedOf(body: Uint8Array): number {
  return body.subarray(0, 8).reduce((value, byte) => value * 256 + byte, 0);
}

/** A signed integer of up to 8 bytes. */
export function signedOf(body: Uint8Array): number {
  const value = unsignedOf(body);
  return ((body[0] ?? 0) & 0x80) === 0 ? value : value - 2 ** (8 * body.length);
}

/** A float of 4 or 8 bytes; 0 for any other length. */
export function floatOf(body: Uint8Array): number {
  if (body.length === 4) return viewOf(body).getFloat32(0);
  return body.length === 8 ? viewOf(body).getFloat64(0) : 0;
}
