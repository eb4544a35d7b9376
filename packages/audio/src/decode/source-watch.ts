import { AviPieces } from './avi-pieces.js';
import type { Container } from './container.js';
import { MatroskaPackets } from './matroska-packets.js';
import { PieceWatch } from './piece-watch.js';
import { asfPieces, auPieces, cafPieces, flvPieces, mp4Pieces, mpegPieces, w64Pieces, wavPieces } from './pieces.js';
import type { SourceWatch } from './stream-findings.js';
import { TransportWatch } from './transport-watch.js';

/** The watch of a container, or null for those that pass a cleaner. @param track of sound, counted from 0 */
export function watchOf(container: Container, track: number): SourceWatch | null {
  switch (container) {
    case 'webm':
    case 'matroska':
      return new MatroskaWatch();
    case 'mpegts':
      return new TransportWatch();
    case 'wav':
      return new PieceWatch(wavPieces());
    case 'w64':
      return new PieceWatch(w64Pieces());
    case 'avi': {
      const pieces = new AviPieces(track);
      return new PieceWatch(pieces.read, (ms) => pieces.fileMs(ms));
    }
    case 'asf':
      return new PieceWatch(asfPieces());
    case 'au':
      return new PieceWatch(auPieces());
    case 'caf':
      return new PieceWatch(cafPieces());
    case 'mp4':
      return new PieceWatch(mp4Pieces());
    case 'flv':
      return new PieceWatch(flvPieces());
    case 'mpeg':
      return new PieceWatch(mpegPieces());
    default:
      return null;
  }
}

const MAX_BLOCK_BYTES = 64 * 1_048_576;

class MatroskaWatch implements SourceWatch {
  readonly harmlessPackets = 0;
  readonly #packets = new MatroskaPackets(null, MAX_BLOCK_BYTES);
  #readable = true;

  get truncated(): boolean {
    return this.#readable && this.#packets.incomplete;
  }

  get damaged(): boolean {
    return this.#packets.damaged;
  }

  push(bytes: Uint8Array): void {
    if (!this.#readable) return;
    try {
      this.#packets.push(bytes);
    } catch {
      // A format that only ffmpeg can read, or none: ffmpeg decides.
      this.#readable = false;
    }
  }
}
