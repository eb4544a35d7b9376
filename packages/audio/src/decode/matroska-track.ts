import { AsrError } from '@murmuration/contracts/errors';
import { asciiOf, viewOf } from './byte-queue.js';

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
function childElements(body: Uint8Array): { readonly id: number; readonly body: Uint8Array }[] {
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
function floatOf(body: Uint8Array): number {
  if (body.length === 4) return viewOf(body).getFloat32(0);
  return body.length === 8 ? viewOf(body).getFloat64(0) : 0;
}

/** Element ids of RFC 9559 that describe a track. */
const ID = {
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackType: 0x83,
  flagDefault: 0x88,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  codecDelay: 0x56aa,
  audio: 0xe1,
  samplingFrequency: 0xb5,
  channels: 0x9f,
  contentEncodings: 0x6d80,
  contentEncoding: 0x6240,
  contentCompression: 0x5034,
  compressionAlgorithm: 0x4254,
  compressionSettings: 0x4255,
} as const;
const AUDIO_TRACK = 2;
const HEADER_STRIPPING = 3;

/** The audio track of a file that is read. */
export interface MatroskaTrack {
  readonly number: number;
  /** For example `A_OPUS`. */
  readonly codecId: string;
  readonly codecPrivate: Uint8Array;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** To take off every time stamp. Milliseconds. */
  readonly codecDelayMs: number;
  /** Bytes that were taken off the start of every frame. */
  readonly strippedHeader: Uint8Array;
}

/** Fields of a track by their ids. */
export type TrackFields = ReadonlyMap<number, Uint8Array>;

/** The audio tracks in the body of a Tracks element. */
export function audioTracks(tracks: Uint8Array): TrackFields[] {
  const entries = childElements(tracks)
    .filter((entry) => entry.id === ID.trackEntry)
    .map((entry) => new Map(childElements(entry.body).map((child) => [child.id, child.body])));
  return entries.filter((fields) => unsignedOf(fields.get(ID.trackType) ?? new Uint8Array(0)) === AUDIO_TRACK);
}

/** What the fields say. Throws `decoder_unavailable` for a track that is encrypted or compressed in ways that only ffmpeg knows. */
export function trackOf(fields: TrackFields): MatroskaTrack {
  const field = (id: number): Uint8Array => fields.get(id) ?? new Uint8Array(0);
  const audio = new Map(childElements(field(ID.audio)).map((child) => [child.id, child.body]));
  return {
    number: unsignedOf(field(ID.trackNumber)),
    codecId: asciiOf(field(ID.codecId).subarray(0, 64)).replace(/[^A-Za-z0-9_/]/g, ''),
    codecPrivate: field(ID.codecPrivate).slice(),
    sampleRateHz: Math.round(floatOf(audio.get(ID.samplingFrequency) ?? new Uint8Array(0))),
    channels: unsignedOf(audio.get(ID.channels) ?? Uint8Array.of(1)),
    codecDelayMs: unsignedOf(field(ID.codecDelay)) / 1e6,
    strippedHeader: strippedHeader(field(ID.contentEncodings)),
  };
}

function strippedHeader(encodings: Uint8Array): Uint8Array {
  const list = childElements(encodings).filter((child) => child.id === ID.contentEncoding);
  if (list.length === 0) return new Uint8Array(0);
  const compression = childElements(list[0]?.body ?? new Uint8Array(0)).find(
    (child) => child.id === ID.contentCompression,
  );
  const fields = new Map(childElements(compression?.body ?? new Uint8Array(0)).map((child) => [child.id, child.body]));
  if (
    list.length > 1 ||
    compression === undefined ||
    unsignedOf(fields.get(ID.compressionAlgorithm) ?? new Uint8Array(0)) !== HEADER_STRIPPING
  ) {
    throw new AsrError(
      'decoder_unavailable',
      'The sound track is encrypted or compressed in a way that needs ffmpeg, which the server lacks.',
    );
  }
  return (fields.get(ID.compressionSettings) ?? new Uint8Array(0)).slice();
}

/** Whether the track is marked as the default one; the flag counts as set where it is not written. */
export function isDefaultTrack(fields: TrackFields): boolean {
  return unsignedOf(fields.get(ID.flagDefault) ?? Uint8Array.of(1)) === 1;
}
