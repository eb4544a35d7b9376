import { ByteQueue } from './byte-queue.js';
import type { SourceWatch } from './stream-findings.js';

/** What begins at a place in a file of pieces. */
export interface Piece {
  /** Bytes from here to the next piece; Infinity: to the end of the file. */
  readonly bytes: number;
  /** Bytes from here to where the next piece is read: fewer where it holds pieces of its own, more where padding follows. Default: all. */
  readonly headBytes?: number;
  /** The file's end tells nothing of this one: some writers leave its end out. */
  readonly mayBeCut?: boolean;
  /** Its bytes come in packets of this size, so that a file that ends within one is cut. */
  readonly packetBytes?: number;
  /** ffmpeg takes a packet of it for damage that is none: a last block that is shorter, a frame that is missing. */
  readonly isMistaken?: boolean;
}

/** Reads what begins at the start of the queue, without taking it. Null: more bytes are needed. `other`: nothing that is known; `damage`: something that cannot be here. */
export type PieceReader = (queue: ByteQueue) => Piece | null | 'other' | 'damage';

/** A head that is longer than this is not waited for. */
const MAX_HEAD_BYTES = 1_048_576;

/** Follows a file of pieces that tell their lengths: piece → piece … → passing (nothing known comes: only the ends of what has begun still count). */
export class PieceWatch implements SourceWatch {
  harmlessPackets = 0;
  damaged = false;
  readonly fileMs: (ms: number) => number;
  readonly #read: PieceReader;
  readonly #queue = new ByteQueue();
  #passing = false;
  #seenBytes = 0;
  /** Where the longest piece ends that has begun. */
  #endBytes = 0;
  /** Where a piece of packets began, and their size, or 0. */
  #packetsFrom = 0;
  #packetBytes = 0;

  /** @param fileMs see `SourceWatch` */
  constructor(read: PieceReader, fileMs = (ms: number) => ms) {
    this.#read = read;
    this.fileMs = fileMs;
  }

  get truncated(): boolean {
    if (this.#seenBytes < this.#endBytes) return true;
    return this.#packetBytes > 0 && (this.#seenBytes - this.#packetsFrom) % this.#packetBytes > 0;
  }

  push(bytes: Uint8Array): void {
    this.#seenBytes += bytes.length;
    if (this.#passing) return;
    this.#queue.push(bytes);
    while (this.#queue.length > 0) {
      const piece = this.#read(this.#queue);
      if (piece === null && this.#queue.length <= MAX_HEAD_BYTES) return;
      if (piece === null || typeof piece === 'string') {
        this.damaged ||= piece === 'damage';
        this.#pass();
        return;
      }
      this.#begin(piece);
    }
  }

  #begin({ bytes, headBytes, mayBeCut = false, packetBytes = 0, isMistaken = false }: Piece): void {
    const at = this.#seenBytes - this.#queue.length;
    if (isMistaken) this.harmlessPackets++;
    if (bytes !== Infinity && !mayBeCut) this.#endBytes = Math.max(this.#endBytes, at + bytes);
    if (packetBytes > 0) {
      this.#packetsFrom = at + (headBytes ?? 0);
      this.#packetBytes = packetBytes;
    }
    if (headBytes === undefined && bytes === Infinity) this.#pass();
    else this.#queue.skip(headBytes ?? bytes);
  }

  #pass(): void {
    this.#passing = true;
    this.#queue.takeUpTo(Infinity);
  }
}
