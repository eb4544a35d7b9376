import { ByteQueue, asciiOf, viewOf } from './byte-queue.js';
import { id3Bytes } from './mpeg-frame.js';
import type { StreamCleaner } from './stream-findings.js';
import { ID3V1_BYTES, LYRICS_START, TAG_HEAD_BYTES, skipLyrics, tagBytes } from './tags.js';
import { MAX_HEADER_BYTES, isFrameHeader, isWholeFrame } from './flac-frames.js';

/** Bytes of the signature, the head of STREAMINFO and as much of it as is read. */
const FLAC_HEAD_BYTES = 26;

/**
 * FLAC frames have no length, so that joined headers and tags are found by their signatures, each longer than 40 bits; an ID3v1 tag before one of
 * these or at the end of the stream.
 * frames (pass) → metadata (blocks are dropped up to the last one) or lyrics (dropped up to their end mark) → frames. The first header passes.
 */
export class FlacCleaner implements StreamCleaner {
  joinedMs = 0;
  readonly harmlessPackets = 0;
  readonly damaged = false;
  readonly #end = new FlacEnd();
  readonly #queue = new ByteQueue();
  #passed = 0;
  #place: 'frames' | 'metadata' | 'lyrics' = 'frames';

  get truncated(): boolean {
    return this.#end.insideFrame;
  }

  push(bytes: Uint8Array): Uint8Array[] {
    this.#queue.push(bytes);
    return this.#followed(this.#kept(false));
  }

  finish(): Uint8Array[] {
    return this.#followed(this.#kept(true));
  }

  #followed(kept: Uint8Array[]): Uint8Array[] {
    for (const piece of kept) this.#end.push(piece);
    return kept;
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

/** As much of a stream's end is held: more than a frame has, but for those of many channels and long blocks. */
const HELD_BYTES = 262_144;
/** A header that is found within a frame by chance does not hide the frame's own; more than a few are frames before the last. */
const MAX_HEADERS = 4;

/** Tells whether a FLAC stream ends with a whole frame. One that was written into a pipe does not declare how long it is. */
class FlacEnd {
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  /** @param piece kept until later ones are enough: not to be written to again */
  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    while (this.#bytes - (this.#pieces[0]?.length ?? 0) >= HELD_BYTES) this.#bytes -= this.#pieces.shift()?.length ?? 0;
  }

  /** True when a frame begins near the end and none is whole there. */
  get insideFrame(): boolean {
    const tail = Buffer.concat(this.#pieces);
    let headers = 0;
    for (let at = tail.length - 2; at >= 0 && headers < MAX_HEADERS; at--) {
      if (!isFrameHeader(tail.subarray(at, at + MAX_HEADER_BYTES))) continue;
      headers++;
      if (isWholeFrame(tail.subarray(at))) return false;
    }
    return headers > 0;
  }
}
