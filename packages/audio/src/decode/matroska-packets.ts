import { AsrError } from '@murmuration/contracts/errors';
import { ByteQueue, asciiOf } from './byte-queue.js';
import {
  childElements,
  floatOf,
  readElementHead,
  readVint,
  signedOf,
  unsignedOf,
  type ElementHead,
} from './ebml-elements.js';
import { noSuchTrack } from './external-decoding.js';

/** Element ids of RFC 9559 that are read; all others are passed over. */
const ID = {
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  tracks: 0x1654ae6b,
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
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  discardPadding: 0x75a2,
} as const;
/** Longest list of tracks and longest audio block that are held. */
const MAX_TRACKS_BYTES = 1_048_576;
const MAX_BLOCK_BYTES = 1_048_576;
const DEFAULT_SCALE_NS = 1_000_000;
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

/** Frames of one block. */
export interface MatroskaBlock {
  /** Owned copies. */
  readonly packets: readonly Uint8Array[];
  /** Time stamp. Milliseconds. */
  readonly startMs: number;
  /** Decoded audio to drop at the end of the block. Nanoseconds. */
  discardNs: number;
}

/**
 * Streaming reader of Matroska and WebM for one audio track, live files (unknown sizes) too. Video blocks are passed over without being held.
 * Elements are read flat: a master element's head is taken, and its children follow.
 */
export class MatroskaPackets {
  readonly #queue = new ByteQueue();
  readonly #wanted: number | null;
  #track: MatroskaTrack | null = null;
  #trackIndex: number | null = null;
  #held: MatroskaBlock | null = null;
  #broken = false;
  #scaleNs = DEFAULT_SCALE_NS;
  #clusterTime = 0;
  readonly #maxBlockBytes: number;

  /** @param track counted among the audio tracks; null: the first that is marked as default, else the first */
  constructor(track: number | null = null, maxBlockBytes = MAX_BLOCK_BYTES) {
    this.#wanted = track;
    this.#maxBlockBytes = maxBlockBytes;
  }

  /** Null until the list of tracks was read. */
  get track(): MatroskaTrack | null {
    return this.#track;
  }

  /** Which of the audio tracks that is, counted from 0. */
  get trackIndex(): number | null {
    return this.#trackIndex;
  }

  /** True when the bytes so far end within an element, or are damaged. */
  get incomplete(): boolean {
    return this.#broken || this.#queue.length > 0;
  }

  /** Throws `unprocessable_audio` for a file without a sound track, `invalid_field` for one without the track that is asked for, `decoder_unavailable` for one that is encrypted or compressed in ways that only ffmpeg knows. */
  push(bytes: Uint8Array): MatroskaBlock[] {
    const blocks: MatroskaBlock[] = [];
    if (this.#broken) return blocks;
    this.#queue.push(bytes);
    while (this.#element(blocks));
    return blocks;
  }

  /** The block that was held back for what might follow it. */
  finish(): MatroskaBlock[] {
    const held = this.#held;
    this.#held = null;
    return held === null ? [] : [held];
  }

  /** Takes one element; false when more bytes are needed. */
  #element(blocks: MatroskaBlock[]): boolean {
    const head = readElementHead(this.#queue.peek(Math.min(12, this.#queue.length)) ?? new Uint8Array(0));
    if (head === null) return false;
    if (head === 'invalid') {
      this.#broken = true;
      this.#queue.takeUpTo(Infinity);
      return false;
    }
    switch (head.id) {
      case ID.segment:
      case ID.info:
      case ID.cluster:
      case ID.blockGroup:
        this.#queue.skip(head.headBytes);
        return true;
      case ID.tracks: {
        const body = this.#body(head, MAX_TRACKS_BYTES);
        if (body === null) return false;
        if (this.#track === null) this.#choose(audioTracks(body));
        return true;
      }
      case ID.timestampScale:
      case ID.timestamp: {
        const body = this.#body(head, 8);
        if (body === null) return false;
        if (head.id === ID.timestamp) this.#clusterTime = unsignedOf(body);
        else this.#scaleNs = unsignedOf(body) === 0 ? DEFAULT_SCALE_NS : unsignedOf(body);
        return true;
      }
      case ID.simpleBlock:
      case ID.block:
        return this.#block(head, blocks);
      case ID.discardPadding: {
        const body = this.#body(head, 8);
        if (body === null) return false;
        if (this.#held !== null) this.#held.discardNs = Math.max(0, signedOf(body));
        return true;
      }
      default:
        if (head.bodyBytes === Infinity) throw refuse('The file has an element without an end.');
        this.#queue.skip(head.headBytes + head.bodyBytes);
        return true;
    }
  }

  #choose(tracks: readonly TrackFields[]): void {
    if (tracks.length === 0) throw refuse('The file holds no sound track.');
    // The flag counts as set where it is not written.
    this.#trackIndex =
      this.#wanted ??
      Math.max(
        0,
        tracks.findIndex((fields) => unsignedOf(fields.get(ID.flagDefault) ?? Uint8Array.of(1)) === 1),
      );
    const fields = tracks[this.#trackIndex];
    if (fields === undefined) throw noSuchTrack(tracks.length);
    this.#track = trackOf(fields);
  }

  #block(head: ElementHead, blocks: MatroskaBlock[]): boolean {
    if (this.#track === null) throw refuse('The file has sound before its list of tracks.');
    const number = readVint(
      this.#queue.peek(Math.min(this.#queue.length, head.headBytes + 8)) ?? new Uint8Array(0),
      head.headBytes,
    );
    if (number === null) return false;
    if (number === 'invalid' || number.value !== this.#track.number) {
      if (head.bodyBytes === Infinity) throw refuse('The file has a block without an end.');
      this.#queue.skip(head.headBytes + head.bodyBytes);
      return true;
    }
    const body = this.#body(head, this.#maxBlockBytes);
    if (body === null) return false;
    blocks.push(...this.finish());
    const header = this.#track.strippedHeader;
    const frames = unlace(body.subarray(number.bytes + 2));
    const startMs =
      ((this.#clusterTime + signedOf(body.subarray(number.bytes, number.bytes + 2))) * this.#scaleNs) / 1e6 -
      this.#track.codecDelayMs;
    this.#held = { packets: frames.map((frame) => withHeader(header, frame)), startMs, discardNs: 0 };
    return true;
  }

  #body(head: ElementHead, maxBytes: number): Uint8Array | null {
    if (head.bodyBytes > maxBytes) throw refuse('The file has an element of an impossible size.');
    return this.#queue.take(head.headBytes + head.bodyBytes)?.subarray(head.headBytes) ?? null;
  }
}

/** Frames of a block. @param block from its flags on */
function unlace(block: Uint8Array): Uint8Array[] {
  const lacing = ((block[0] ?? 0) >> 1) & 3;
  if (lacing === 0) return [block.subarray(1)];
  const count = (block[1] ?? 0) + 1;
  const sizes: number[] = [];
  let at = 2;
  if (lacing === 2) {
    const size = (block.length - at) / count;
    if (!Number.isInteger(size)) return [];
    for (let frame = 0; frame < count - 1; frame++) sizes.push(size);
  } else {
    for (let frame = 0; frame < count - 1; frame++) {
      if (lacing === 1) {
        let size = 0;
        for (let byte = block[at++] ?? 0; ; byte = block[at++] ?? 0) {
          size += byte;
          if (byte !== 255) break;
        }
        sizes.push(size);
      } else {
        const vint = readVint(block, at);
        if (vint === null || vint === 'invalid') return [];
        at += vint.bytes;
        const before = sizes[frame - 1];
        // Sizes after the first are differences, offset so that they are positive.
        sizes.push(before === undefined ? vint.value : before + vint.value - (2 ** (7 * vint.bytes - 1) - 1));
      }
    }
  }
  const frames: Uint8Array[] = [];
  for (const size of sizes) {
    if (size < 0 || at + size > block.length) return frames;
    frames.push(block.subarray(at, at + size));
    at += size;
  }
  frames.push(block.subarray(at));
  return frames;
}

function withHeader(header: Uint8Array, frame: Uint8Array): Uint8Array {
  const whole = new Uint8Array(header.length + frame.length);
  whole.set(header);
  whole.set(frame, header.length);
  return whole;
}

type TrackFields = ReadonlyMap<number, Uint8Array>;

function audioTracks(tracks: Uint8Array): TrackFields[] {
  const entries = childElements(tracks)
    .filter((entry) => entry.id === ID.trackEntry)
    .map((entry) => new Map(childElements(entry.body).map((child) => [child.id, child.body])));
  return entries.filter((fields) => unsignedOf(fields.get(ID.trackType) ?? new Uint8Array(0)) === AUDIO_TRACK);
}

function trackOf(fields: TrackFields): MatroskaTrack {
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

function refuse(message: string): AsrError {
  return new AsrError('unprocessable_audio', message);
}
