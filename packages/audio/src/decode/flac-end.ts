import { MAX_HEADER_BYTES, isFrameHeader, isWholeFrame } from './flac-frames.js';

/** As much of a stream's end is held: more than a frame has, but for those of many channels and long blocks. */
const HELD_BYTES = 262_144;
/** A header that is found within a frame by chance does not hide the frame's own; more than a few are frames before the last. */
const MAX_HEADERS = 4;

/** Tells whether a FLAC stream ends with a whole frame. One that was written into a pipe does not declare how long it is. */
export class FlacEnd {
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
