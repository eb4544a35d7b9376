import { asciiOf, viewOf, type ByteQueue } from './byte-queue.js';
import type { Piece, PieceReader } from './piece-watch.js';
import { lengthOf } from './pieces.js';

/** A stream as its headers describe it. */
interface AviStream {
  readonly isSound: boolean;
  /** Milliseconds of one frame. */
  readonly frameMs: number;
  /** Bytes of a sample where all have one size, else 0: then a chunk is a frame, and an empty one a frame that is missing. */
  readonly sampleBytes: number;
  /** Bytes that a frame has at most, or 0. */
  blockBytes: number;
}

/** Frames that are missing. */
interface Hole {
  /** Milliseconds of the frames before it that are there. */
  readonly atMs: number;
  readonly lengthMs: number;
}

/** Lists whose chunks are read one by one. */
const ENTERED = ['hdrl', 'strl', 'movi', 'rec '];
const CHUNKS = /^([0-9a-zA-Z]{2}(wb|dc|db|pc|tx|ch|nd)|ix\d\d|idx1|JUNK|LIST|odml|dmlh|IDIT|vprp)$/;
/** Chunks at which a file may well end. */
const SPARE = ['idx1', 'JUNK'];

/**
 * Reads avi, with the further parts of a long one: chunks in the list of streams, and lists of their own. Sound of frames that begins late or has a hole is
 * written as empty chunks, of which ffmpeg 5.1 does not count the time.
 */
export class AviPieces {
  readonly #track: number;
  readonly #streams: AviStream[] = [];
  readonly #holes: Hole[] = [];
  #inStreams = false;
  #frames = 0;
  #missing = 0;

  /** @param track counted among the streams of sound */
  constructor(track: number) {
    this.#track = track;
  }

  /** Time in the file of a sound that ffmpeg gives this time. Milliseconds. */
  fileMs(ms: number): number {
    // Half a frame for the rounding of time stamps.
    const nearMs = ms + (this.#sound?.frameMs ?? 0) / 2;
    return this.#holes.reduce((sum, hole) => (hole.atMs <= nearMs ? sum + hole.lengthMs : sum), ms);
  }

  readonly read: PieceReader = (queue) => {
    const head = queue.peek(12);
    if (head === null) return null;
    const id = asciiOf(head, 0, 4);
    const size = viewOf(head).getUint32(4, true);
    if (id === 'RIFF') return { bytes: 12, mayBeCut: true };
    if (id === 'LIST' && ENTERED.includes(asciiOf(head, 8, 12))) {
      this.#inStreams ||= asciiOf(head, 8, 12) === 'movi';
      return { bytes: 8 + lengthOf(size), headBytes: 12 };
    }
    const whole: Piece = { bytes: 8 + size + (size % 2), mayBeCut: SPARE.includes(id) };
    if (!this.#inStreams) return this.#describe(id, size, queue) ? whole : null;
    if (!CHUNKS.test(id)) return 'damage';
    if (id !== this.#chunkId) return whole;
    this.#count(size);
    return { ...whole, isMistaken: size === 0 };
  };

  get #sound(): AviStream | undefined {
    return this.#streams.filter(({ isSound }) => isSound)[this.#track];
  }

  get #chunkId(): string | null {
    const sound = this.#sound;
    return sound === undefined ? null : `${String(this.#streams.indexOf(sound)).padStart(2, '0')}wb`;
  }

  /** Takes what the headers tell of streams; false when more bytes are needed. Source: Microsoft's AVISTREAMHEADER and WAVEFORMATEX. */
  #describe(id: string, size: number, queue: ByteQueue): boolean {
    if (id !== 'strh' && id !== 'strf') return true;
    const bytes = Math.min(size, id === 'strh' ? 48 : 14);
    const body = queue.peek(8 + bytes)?.subarray(8);
    if (body === undefined) return false;
    const view = viewOf(body);
    if (id === 'strh' && bytes === 48) {
      const rate = view.getUint32(24, true);
      this.#streams.push({
        isSound: asciiOf(body, 0, 4) === 'auds',
        frameMs: rate === 0 ? 0 : (view.getUint32(20, true) * 1_000) / rate,
        sampleBytes: view.getUint32(44, true),
        blockBytes: 0,
      });
    }
    const last = this.#streams.at(-1);
    if (id === 'strf' && bytes === 14 && last !== undefined) last.blockBytes = view.getUint16(12, true);
    return true;
  }

  #count(size: number): void {
    const sound = this.#sound;
    // Where no size of a block is told ffmpeg counts empty chunks, too.
    if (sound === undefined || sound.sampleBytes > 0 || sound.blockBytes === 0) return;
    if (size === 0) {
      this.#missing++;
      return;
    }
    if (this.#missing > 0)
      this.#holes.push({ atMs: this.#frames * sound.frameMs, lengthMs: this.#missing * sound.frameMs });
    this.#missing = 0;
    this.#frames += Math.ceil(size / sound.blockBytes);
  }
}
