import { ByteQueue, asciiOf, viewOf } from './byte-queue.js';
import type { Container } from './container.js';
import { id3Bytes, readAc3FrameBytes, readAdtsFrameBytes, readAmrFrameBytes, readMpegFrame } from './mpeg-frame.js';
import { TAG_HEAD_BYTES, tagBytes } from './tags.js';

/** Takes out of a stream what is no sound: tags between frames and behind them, and the headers of files that were joined to it. */
export interface StreamCleaner {
  /** The bytes that are kept, in order. */
  push(bytes: Uint8Array): Uint8Array[];
  finish(): Uint8Array[];
  /** Length that the headers of joined files declare. Milliseconds. */
  readonly joinedMs: number;
}

/** The cleaner of a container whose decoders take such bytes for damage, or null. */
export function cleanerOf(container: Container): StreamCleaner | null {
  switch (container) {
    case 'mp3':
      return new FrameCleaner({ first: 0xff, frameBytes: (bytes) => readMpegFrame(bytes, 0)?.bytes ?? null });
    case 'adts':
      return new FrameCleaner({ first: 0xff, frameBytes: (bytes) => readAdtsFrameBytes(bytes, 0) });
    case 'ac3':
      return new FrameCleaner({ first: 0x0b, frameBytes: (bytes) => readAc3FrameBytes(bytes, 0) });
    case 'amr':
      return new FrameCleaner(amrFormat());
    case 'flac':
      return new FlacCleaner();
    default:
      return null;
  }
}

/** Bare frames of one container. */
interface FrameFormat {
  /** Bytes of the frame at the start, or null when none begins there. */
  readonly frameBytes: (bytes: Uint8Array) => number | null;
  /** Every frame's first byte, or null where they differ. */
  readonly first: number | null;
  /** Bytes of a file's own header at the start, or 0. */
  readonly headerBytes?: (bytes: Uint8Array) => number;
}

function amrFormat(): FrameFormat {
  let wide: boolean | null = null;
  return {
    first: null,
    frameBytes: (bytes) => readAmrFrameBytes(bytes, wide === true),
    headerBytes: (bytes) => {
      const line = /^#!AMR(-WB)?\n/.exec(asciiOf(bytes, 0, 9));
      if (line === null) return 0;
      wide ??= line[1] !== undefined;
      return line[0].length;
    },
  };
}

/** As much of what is unknown behind a frame is held until a frame follows. */
const MAX_HELD_BYTES = 65_536;
const ID3V1_BYTES = 128;
const LYRICS_START = 'LYRICSBEGIN';
const LYRICS_ENDS = ['LYRICS200', 'LYRICSEND'];
const LYRICS_END_BYTES = 9;

/**
 * Follows frames by their lengths.
 * frame (bytes of a frame pass) → boundary (a frame, a tag or something unknown comes next) → frame, boundary, lyrics (dropped up to their end mark) or
 * lost (bytes pass until a frame or a tag begins). What is unknown passes when a frame follows it: it is for the decoder to judge. At the end of the
 * stream it is none of the sound.
 */
class FrameCleaner implements StreamCleaner {
  readonly joinedMs = 0;
  readonly #format: FrameFormat;
  readonly #queue = new ByteQueue();
  #left = 0;
  #place: 'boundary' | 'lyrics' | 'lost' = 'lost';
  #begun = false;
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
    return this.#kept(true);
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
      if (this.#queue.length < TAG_HEAD_BYTES && !ended) break;
      if (this.#place === 'lyrics') {
        if (!skipLyrics(this.#queue, ended)) break;
        this.#place = 'boundary';
        continue;
      }
      const unknown = this.#boundary();
      if (unknown === 0) continue;
      this.#held.push(this.#queue.takeUpTo(unknown).slice());
      this.#heldBytes += unknown;
      if (!this.#begun || this.#heldBytes > MAX_HELD_BYTES) this.#release(kept);
    }
    return kept;
  }

  #release(kept: Uint8Array[]): void {
    kept.push(...this.#held);
    this.#held = [];
    this.#heldBytes = 0;
  }

  /** Decides what begins here; gives how many bytes belong to nothing that is known. */
  #boundary(): number {
    const head = this.#queue.peek(Math.min(this.#queue.length, TAG_HEAD_BYTES)) ?? new Uint8Array(0);
    const header = this.#format.headerBytes?.(head) ?? 0;
    if (header > 0 && this.#begun) {
      this.#queue.skip(header);
      this.#place = 'boundary';
      return 0;
    }
    const frame = header > 0 ? header : this.#format.frameBytes(head);
    if (frame !== null) {
      this.#left = frame;
      this.#begun = true;
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
}

/** Drops bytes up to the end mark of a Lyrics3 tag; false when it has not come. */
function skipLyrics(queue: ByteQueue, ended: boolean): boolean {
  const bytes = queue.peek(queue.length) ?? new Uint8Array(0);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = LYRICS_ENDS.map((mark) => text.indexOf(mark))
    .filter((at) => at >= 0)
    .sort((a, b) => a - b)[0];
  queue.skip(end === undefined ? Math.max(0, bytes.length - (ended ? 0 : LYRICS_END_BYTES)) : end + LYRICS_END_BYTES);
  return end !== undefined || ended;
}

/** Bytes of the signature, the head of STREAMINFO and as much of it as is read. */
const FLAC_HEAD_BYTES = 26;

/**
 * FLAC frames have no length, so that joined headers and tags are found by their signatures, each longer than 40 bits; an ID3v1 tag before one of
 * these or at the end of the stream.
 * frames (pass) → metadata (blocks are dropped up to the last one) or lyrics (dropped up to their end mark) → frames. The first header passes.
 */
class FlacCleaner implements StreamCleaner {
  joinedMs = 0;
  readonly #queue = new ByteQueue();
  #passed = 0;
  #place: 'frames' | 'metadata' | 'lyrics' = 'frames';

  push(bytes: Uint8Array): Uint8Array[] {
    this.#queue.push(bytes);
    return this.#kept(false);
  }

  finish(): Uint8Array[] {
    return this.#kept(true);
  }

  #kept(ended: boolean): Uint8Array[] {
    const kept: Uint8Array[] = [];
    for (;;) {
      if (this.#place === 'metadata') {
        const head = this.#queue.take(4);
        if (head === null) return kept;
        this.#queue.skip(viewOf(head).getUint32(0) & 0xff_ffff);
        if (((head[0] ?? 0) & 0x80) !== 0) this.#place = 'frames';
        continue;
      }
      if (this.#place === 'lyrics') {
        if (!skipLyrics(this.#queue, ended)) return kept;
        this.#place = 'frames';
      }
      const bytes = this.#queue.peek(this.#queue.length) ?? new Uint8Array(0);
      const at = this.#signature(bytes);
      if (at === null) {
        // As much stays as an ID3v1 tag has, and the beginning of a signature behind it.
        this.#pass(kept, ended ? bytes.length : bytes.length - ID3V1_BYTES - TAG_HEAD_BYTES, ended);
        return kept;
      }
      if (bytes.length - at < TAG_HEAD_BYTES && !ended) {
        this.#pass(kept, at - ID3V1_BYTES, false);
        return kept;
      }
      this.#begin(kept, at, bytes.slice(at, at + TAG_HEAD_BYTES));
    }
  }

  /** Takes what begins at a signature. */
  #begin(kept: Uint8Array[], at: number, head: Uint8Array): void {
    const tag = tagBytes(head);
    const totalMs = streamLengthMs(head);
    const lyrics = asciiOf(head, 0, LYRICS_START.length) === LYRICS_START;
    if (tag === 0 && totalMs === null && !lyrics) {
      this.#pass(kept, at + 1, false);
      return;
    }
    this.#pass(kept, at, true);
    if (tag > 0) {
      this.#queue.skip(tag);
    } else if (totalMs === null) {
      this.#place = 'lyrics';
    } else {
      this.joinedMs += totalMs;
      this.#queue.skip(4);
      this.#place = 'metadata';
    }
  }

  /** @param tagged an ID3v1 tag may be the end of it */
  #pass(kept: Uint8Array[], bytes: number, tagged: boolean): void {
    const part = this.#queue.takeUpTo(Math.max(0, bytes));
    const v1 =
      tagged &&
      part.length >= ID3V1_BYTES &&
      asciiOf(part, part.length - ID3V1_BYTES, part.length - ID3V1_BYTES + 3) === 'TAG';
    this.#passed += part.length;
    if (part.length > 0) kept.push(part.slice(0, part.length - (v1 ? ID3V1_BYTES : 0)));
  }

  /** Where a header or a tag may begin, after the file's own header. */
  #signature(bytes: Uint8Array): number | null {
    for (let at = this.#passed === 0 ? 4 : 0; at < bytes.length; at++) {
      const first = bytes[at];
      if (first !== 0x66 && first !== 0x49 && first !== 0x41 && first !== 0x4c) continue;
      const four = asciiOf(bytes, at, at + 4);
      if (four.length < 4 ? SIGNATURES.some((whole) => whole.startsWith(four)) : SIGNATURES.includes(four)) return at;
      if (four.startsWith('ID3') && plausibleId3(bytes.subarray(at, at + 10))) return at;
    }
    return null;
  }
}

/** First four characters of what a FLAC stream may hold besides frames. */
const SIGNATURES = ['fLaC', 'APET', 'LYRI', 'ID3'];

/** Versions 2 to 4, revision 0, no unknown flags; where fewer bytes are there, those. */
function plausibleId3(head: Uint8Array): boolean {
  const [, , , version = 4, revision = 0, flags = 0] = head;
  return (
    version >= 2 && version <= 4 && revision === 0 && (flags & 15) === 0 && (head.length < 10 || id3Bytes(head) > 0)
  );
}

/** Length that the header of a FLAC file declares, 0 for "unknown", or null where none begins. Milliseconds. Source: RFC 9639. */
function streamLengthMs(bytes: Uint8Array): number | null {
  if (
    bytes.length < FLAC_HEAD_BYTES ||
    asciiOf(bytes, 0, 4) !== 'fLaC' ||
    (viewOf(bytes).getUint32(4) & 0x7fff_ffff) !== 34
  )
    return null;
  const view = viewOf(bytes);
  const rateHz = view.getUint32(18) >>> 12;
  const samples = (view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22);
  return rateHz === 0 ? 0 : (samples * 1_000) / rateHz;
}
