import { AviPieces } from './avi-pieces.js';
import type { Container } from './container.js';
import { MatroskaPackets } from './matroska-packets.js';
import { PieceWatch } from './piece-watch.js';
import { asfPieces, auPieces, cafPieces, flvPieces, mp4Pieces, mpegPieces, w64Pieces, wavPieces } from './pieces.js';
import type { SourceWatch } from './stream-findings.js';
import { ByteQueue, viewOf } from './byte-queue.js';

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

const PACKET_BYTES = 188;
const SYNC = 0x47;
/** Streams of one file that are followed. */
const MAX_STREAMS = 256;

/** A stream of the transport stream. */
interface Stream {
  /** Of the packet that comes next, 0 to 15. */
  next: number;
  /** Bytes that the packet of sound which has begun still lacks, or 0. */
  leftBytes: number;
}

/**
 * Follows a transport stream: packets of 188 bytes (or 192, with a time before each), numbered in each stream, which hold packets of sound that tell their
 * length. Packets of video often tell none.
 */
class TransportWatch implements SourceWatch {
  readonly harmlessPackets = 0;
  damaged = false;
  readonly #queue = new ByteQueue();
  readonly #streams = new Map<number, Stream>();
  #leadBytes: number | null = null;

  get truncated(): boolean {
    const rest = this.#queue.peek(Math.min(this.#queue.length, 1 + (this.#leadBytes ?? 0)));
    const insidePacket = rest !== null && rest.length > (this.#leadBytes ?? 0) && rest.at(-1) === SYNC;
    return insidePacket || [...this.#streams.values()].some(({ leftBytes }) => leftBytes > 0);
  }

  push(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    for (;;) {
      const lead = this.#leadBytes ?? 0;
      const packet = this.#queue.peek(lead + PACKET_BYTES);
      if (packet === null) return;
      this.#leadBytes ??= packet[0] === SYNC ? 0 : 4;
      if (this.#leadBytes !== lead) continue;
      if (packet[lead] !== SYNC) {
        this.damaged = true;
        const at = packet.indexOf(SYNC, lead + 1);
        this.#queue.skip(at < 0 ? packet.length : at - lead);
        continue;
      }
      this.#packet(packet.subarray(lead));
      this.#queue.skip(lead + PACKET_BYTES);
    }
  }

  /** Source: ISO 13818-1, 2.4.3. */
  #packet(packet: Uint8Array): void {
    const view = viewOf(packet);
    const id = view.getUint16(1) & 0x1fff;
    const flags = packet[3] ?? 0;
    if (((packet[1] ?? 0) & 0x80) !== 0) this.damaged = true;
    const hasField = (flags & 0x20) !== 0;
    const from = 4 + (hasField ? 1 + (packet[4] ?? 0) : 0);
    if (id === 0x1fff || (flags & 0x10) === 0 || from >= packet.length) return;
    const starts = ((packet[1] ?? 0) & 0x40) !== 0;
    const stream = this.#streams.get(id) ?? { next: flags & 15, leftBytes: 0 };
    const repeated = ((flags + 1) & 15) === stream.next && this.#streams.has(id);
    if (!this.#streams.has(id) && this.#streams.size < MAX_STREAMS) this.#streams.set(id, stream);
    if (repeated) return;
    const isSound = stream.leftBytes > 0;
    // A file that was joined to it counts anew, at the beginning of a packet of sound.
    if (isSound && ((flags & 15) !== stream.next || starts)) this.damaged = true;
    stream.next = (flags + 1) & 15;
    const payload = packet.subarray(from);
    if (!starts) {
      stream.leftBytes = Math.max(0, stream.leftBytes - payload.length);
      return;
    }
    const [zero, nought, one, code = 0] = payload;
    const isPacket = payload.length >= 6 && zero === 0 && nought === 0 && one === 1;
    const holdsSound = (code & 0xe0) === 0xc0 || code === 0xbd || code === 0xfd;
    const toldBytes = isPacket && holdsSound ? viewOf(payload).getUint16(4) : 0;
    stream.leftBytes = toldBytes === 0 ? 0 : Math.max(0, 6 + toldBytes - payload.length);
  }
}
