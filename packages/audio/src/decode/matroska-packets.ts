import { AsrError } from '@murmuration/contracts/errors';
import { ByteQueue } from './byte-queue.js';
import {
  readElementHead,
  readVint,
  signedOf,
  unsignedOf,
  type ElementHead,
  audioTracks,
  isDefaultTrack,
  trackOf,
  type MatroskaTrack,
  type TrackFields,
} from './matroska-track.js';
import { noSuchTrack } from './external-decoding.js';

/** Element ids of RFC 9559 that are read; all others are passed over. */
const ID = {
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  tracks: 0x1654ae6b,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  discardPadding: 0x75a2,
} as const;
const CLUSTER_ID = Uint8Array.of(0x1f, 0x43, 0xb6, 0x75);

/** Every element that may come once clusters have begun, children of those whose heads alone are taken included, and the beginning of a joined file. Anything else is damage. */
const BEHIND_CLUSTERS: ReadonlySet<number> = new Set([
  ...[ID.segment, ID.info, ID.timestampScale, ID.cluster, ID.timestamp, ID.tracks],
  ...[ID.simpleBlock, ID.blockGroup, ID.block, ID.discardPadding],
  // EBML, Void, CRC-32, SeekHead, Cues, Chapters, Tags, Attachments.
  ...[0x1a45dfa3, 0xec, 0xbf, 0x114d9b74, 0x1c53bb6b, 0x1043a770, 0x1254c367, 0x1941a469],
  // Of a cluster and of a group of blocks, those that are no longer written too.
  ...[0xa7, 0xab, 0x5854, 0xaf, 0x9b, 0xfb, 0xfd, 0xfa, 0xa2, 0xa4, 0x75a1, 0x8e, 0xc8],
  // Of a joined file's Info.
  ...[0x73a4, 0x7384, 0x3cb923, 0x3c83ab, 0x3eb923, 0x3e83bb, 0x4444, 0x6924, 0x4489, 0x4461, 0x7ba9, 0x4d80, 0x5741],
]);

/** Longest list of tracks and longest audio block that are held. */
const MAX_TRACKS_BYTES = 1_048_576;
const MAX_BLOCK_BYTES = 1_048_576;
const DEFAULT_SCALE_NS = 1_000_000;

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
  #damaged = false;
  /** Looking for the next cluster. */
  #lost = false;
  #inClusters = false;
  /** Bytes so far, and where the segment ends, or 0 where it does not tell. */
  #seen = 0;
  #segmentEnd = 0;
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

  /** True when the bytes so far end within an element, or before the end that the file declares: behind damage that end alone counts. */
  get incomplete(): boolean {
    const insideElement = this.#queue.length > 0 || this.#queue.owed > 0;
    return this.#seen < this.#segmentEnd || (!this.#damaged && insideElement);
  }

  /** True when there were bytes that are no element. */
  get damaged(): boolean {
    return this.#damaged;
  }

  /** Throws `unprocessable_audio` for a file without a sound track, `invalid_field` for one without the track that is asked for, `decoder_unavailable` for one that is encrypted or compressed in ways that only ffmpeg knows. */
  push(bytes: Uint8Array): MatroskaBlock[] {
    const blocks: MatroskaBlock[] = [];
    this.#queue.push(bytes);
    this.#seen += bytes.length;
    while (this.#lost ? this.#findCluster() : this.#element(blocks));
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
    if (head === 'invalid' || (this.#inClusters && !this.#belongsHere(head))) return this.#lose();
    switch (head.id) {
      case ID.segment:
        this.#segmentEnd =
          head.bodyBytes === Infinity ? 0 : this.#seen - this.#queue.length + head.headBytes + head.bodyBytes;
        this.#queue.skip(head.headBytes);
        return true;
      case ID.cluster:
      case ID.info:
      case ID.blockGroup:
        this.#inClusters ||= head.id === ID.cluster;
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

  /** Whether an element is one that may come once clusters have begun, within the end that the file declares. */
  #belongsHere(head: ElementHead): boolean {
    const end = this.#seen - this.#queue.length + head.headBytes + head.bodyBytes;
    return (
      BEHIND_CLUSTERS.has(head.id) &&
      (this.#segmentEnd === 0 || end <= this.#segmentEnd || head.bodyBytes === Infinity || this.#isBehindSegment())
    );
  }

  #isBehindSegment(): boolean {
    return this.#seen - this.#queue.length >= this.#segmentEnd;
  }

  /** What begins here is no element: the next one that can be known is a cluster. */
  #lose(): boolean {
    this.#damaged = true;
    this.#lost = true;
    this.#queue.skip(1);
    return true;
  }

  #findCluster(): boolean {
    const bytes = this.#queue.peek(this.#queue.length) ?? new Uint8Array(0);
    const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(CLUSTER_ID);
    this.#queue.skip(at < 0 ? Math.max(0, bytes.length - (CLUSTER_ID.length - 1)) : at);
    this.#lost = at < 0;
    return at >= 0;
  }

  #choose(tracks: readonly TrackFields[]): void {
    if (tracks.length === 0) throw refuse('The file holds no sound track.');
    this.#trackIndex = this.#wanted ?? Math.max(0, tracks.findIndex(isDefaultTrack));
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

function refuse(message: string): AsrError {
  return new AsrError('unprocessable_audio', message);
}
