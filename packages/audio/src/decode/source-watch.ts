import { asciiOf } from './byte-queue.js';
import type { Container } from './container.js';
import { MatroskaPackets } from './matroska-packets.js';
import { OggPages } from './ogg-pages.js';

/** Follows the bytes that go to ffmpeg, for what ffmpeg does not tell of a stream. */
export interface SourceWatch {
  push(bytes: Uint8Array): void;
  /** True while the bytes so far end in the middle of something. */
  readonly truncated: boolean;
  /** Packets that ffmpeg takes for damage and that are none. */
  readonly harmlessPackets: number;
}

/** The watch of a container, or null. */
export function watchOf(container: Container): SourceWatch | null {
  switch (container) {
    case 'ogg':
      return new OggWatch();
    case 'webm':
    case 'matroska':
      return new MatroskaWatch();
    default:
      return null;
  }
}

/** A joined file of the same serial number begins with headers that ffmpeg hands to the Opus decoder as sound. */
class OggWatch implements SourceWatch {
  harmlessPackets = 0;
  readonly #pages = new OggPages();
  #headers = 0;

  get truncated(): boolean {
    return this.#pages.insidePage;
  }

  push(bytes: Uint8Array): void {
    for (const { packets } of this.#pages.push(bytes))
      for (const packet of packets) {
        const opus = asciiOf(packet, 0, 8);
        if ((opus === 'OpusHead' || opus === 'OpusTags') && ++this.#headers > 2) this.harmlessPackets++;
      }
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
