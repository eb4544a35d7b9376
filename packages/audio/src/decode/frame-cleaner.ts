import { ByteQueue, asciiOf } from './byte-queue.js';
import type { StreamCleaner } from './stream-findings.js';
import { ID3V1_BYTES, LYRICS_START, TAG_HEAD_BYTES, skipLyrics, tagBytes } from './tags.js';

/** Bare frames of one container. */
export interface FrameFormat {
  /** Bytes of the frame at the start, or null when none begins there. */
  readonly frameBytes: (bytes: Uint8Array) => number | null;
  /** Every frame's first byte, or null where they differ. */
  readonly first: number | null;
  /** Bytes of a file's own header at the start, or 0. */
  readonly headerBytes?: (bytes: Uint8Array) => number;
  /** Frames that must follow each other before one is believed behind something unknown; default 1. */
  readonly framesWhenLost?: number;
  /** As many bytes as so many frames have, at least `TAG_HEAD_BYTES`, which is the default. */
  readonly lookBytes?: number;
  /** Its decoders take anything for a frame, so that what is unknown is kept from them. */
  readonly dropsUnknown?: boolean;
}

/** As much of what is unknown behind a frame is held until a frame follows. */
const MAX_HELD_BYTES = 65_536;

/**
 * Follows frames by their lengths.
 * frame (bytes of a frame pass) → boundary (a frame, a tag or something unknown comes next) → frame, boundary, lyrics (dropped up to their end mark) or
 * lost (bytes pass until a frame or a tag begins). What is unknown passes when a frame follows it, and is damage: it is for the decoder to judge. At the
 * end of the stream it is none of the sound.
 */
export class FrameCleaner implements StreamCleaner {
  readonly joinedMs = 0;
  readonly harmlessPackets = 0;
  damaged = false;
  truncated = false;
  readonly #format: FrameFormat;
  readonly #queue = new ByteQueue();
  #left = 0;
  #place: 'boundary' | 'lyrics' | 'lost' = 'lost';
  #begun = false;
  #unknown = false;
  #lastHead: number | null = null;
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(format: FrameFormat) {
    this.#format = format;
  }

  push(bytes: Uint8Array): Uint8Array[] {
    this.#queue.push(bytes);
    return this.#kept(false);
  }

  finish(): Uint8Array[] {
    const kept = this.#kept(true);
    this.truncated = this.#left > 0;
    return kept;
  }

  #kept(ended: boolean): Uint8Array[] {
    const kept: Uint8Array[] = [];
    while (this.#queue.length > 0) {
      if (this.#left > 0) {
        this.#release(kept);
        const part = this.#queue.takeUpTo(this.#left);
        this.#left -= part.length;
        kept.push(part.slice());
        continue;
      }
      if (this.#queue.length < (this.#format.lookBytes ?? TAG_HEAD_BYTES) && !ended) break;
      if (this.#place === 'lyrics') {
        if (!skipLyrics(this.#queue, ended)) break;
        this.#place = 'boundary';
        continue;
      }
      const unknown = this.#boundary(ended);
      if (unknown === 0) continue;
      const bytes = this.#queue.takeUpTo(unknown).slice();
      this.#held.push(bytes);
      this.#heldBytes += unknown;
      // Zeros are padding, as between files that were joined.
      this.#unknown ||= this.#begun && bytes.some((byte) => byte !== 0);
      if (!this.#begun || this.#heldBytes > MAX_HELD_BYTES) this.#release(kept);
    }
    return kept;
  }

  #release(kept: Uint8Array[]): void {
    if (this.#format.dropsUnknown !== true) kept.push(...this.#held);
    this.#held = [];
    this.#heldBytes = 0;
  }

  /** Decides what begins here; gives how many bytes belong to nothing that is known. */
  #boundary(ended: boolean): number {
    const head = this.#queue.peek(Math.min(this.#queue.length, TAG_HEAD_BYTES)) ?? new Uint8Array(0);
    const header = this.#format.headerBytes?.(head) ?? 0;
    if (header > 0 && this.#begun) {
      this.#queue.skip(header);
      this.#place = 'boundary';
      return 0;
    }
    const frame = header > 0 ? header : this.#format.frameBytes(head);
    if (frame !== null && (header > 0 || this.#isTrusted(head, ended))) {
      this.#left = frame;
      this.#begun = true;
      if (header === 0) this.#lastHead = head[0] ?? null;
      this.damaged ||= this.#unknown;
      this.#place = 'boundary';
      return 0;
    }
    const tag = tagBytes(head);
    // Three letters are found in any bytes, so they count only where a frame has just ended.
    const id3v1 = this.#place === 'boundary' && asciiOf(head, 0, 3) === 'TAG';
    if (tag > 0 || id3v1) {
      this.#queue.skip(id3v1 ? ID3V1_BYTES : tag);
      this.#place = 'boundary';
      return 0;
    }
    if (this.#place === 'boundary' && asciiOf(head, 0, LYRICS_START.length) === LYRICS_START) {
      this.#place = 'lyrics';
      return 0;
    }
    this.#place = 'lost';
    const bytes = this.#queue.peek(this.#queue.length) ?? head;
    const { first } = this.#format;
    let at = 1;
    while (first !== null && at < bytes.length && bytes[at] !== first && bytes[at] !== 0x49 && bytes[at] !== 0x41) at++;
    return at;
  }

  /** Whether as many frames follow each other as it takes to believe the first: a head of a few bits is found in any bytes. */
  #isTrusted(head: Uint8Array, ended: boolean): boolean {
    const { framesWhenLost = 1, frameBytes, headerBytes } = this.#format;
    if (framesWhenLost === 1 || (this.#place === 'boundary' && head[0] === this.#lastHead)) return true;
    const wanted = this.#place === 'lost' && this.#begun ? framesWhenLost : 2;
    const bytes = this.#queue.peek(this.#queue.length) ?? head;
    let at = 0;
    for (let frame = 0; frame < wanted; frame++) {
      // At the end fewer may follow; a frame that the end cuts is believed where one is due.
      if (at >= bytes.length) return ended && (this.#place === 'boundary' || (at === bytes.length && frame > 1));
      const next = bytes.subarray(at);
      const length = frameBytes(next);
      if (length === null)
        return frame > 0 && ((headerBytes?.(next) ?? 0) > 0 || tagBytes(next) > 0 || asciiOf(next, 0, 3) === 'TAG');
      at += length;
    }
    return true;
  }
}
