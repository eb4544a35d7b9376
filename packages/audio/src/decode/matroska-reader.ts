import { AsrError } from '@murmuration/contracts/errors';
import { MatroskaPackets, type MatroskaBlock } from './matroska-packets.js';
import type { MatroskaTrack } from './matroska-track.js';
import {
  flacCodec,
  mp3Codec,
  opusCodec,
  vorbisCodec,
  type DecodedPiece,
  type PacketCodec,
  type WasmReader,
} from './packet-codec.js';

/** Time stamps of neighbouring blocks that differ by more may have a hole between them. Milliseconds. */
const HOLE_MS = 100;

/** WebM and Matroska whose sound track is opus, vorbis, FLAC or mp3. */
export class MatroskaReader implements WasmReader {
  readonly declaredMs = null;
  codec: string | null = null;
  truncated = false;
  damaged = false;
  readonly #packets: MatroskaPackets;
  #decoder: PacketCodec | null = null;
  #given = false;

  /** @param track counted among the audio tracks; null: the file's default */
  constructor(track: number | null = null) {
    this.#packets = new MatroskaPackets(track);
  }

  push(bytes: Uint8Array): Promise<DecodedPiece[]> {
    return this.#decode(this.#packets.push(bytes));
  }

  async finish(): Promise<DecodedPiece[]> {
    this.truncated = this.#packets.incomplete;
    return this.#decode(this.#packets.finish());
  }

  async #decode(blocks: readonly MatroskaBlock[]): Promise<DecodedPiece[]> {
    const track = this.#packets.track;
    if (track === null || blocks.length === 0) return [];
    this.#decoder ??= await codecOf(track);
    this.codec = this.#decoder.codec;
    const pieces: DecodedPiece[] = [];
    // Blocks without padding or a hole between them are decoded together: a block is only 20 ms.
    let together: Uint8Array[] = [];
    let startMs = 0;
    let lastMs = 0;
    const take = async (decoder: PacketCodec): Promise<DecodedPiece> => {
      const piece = await decoder.decode(together);
      together = [];
      return { ...piece, startMs: startMs + (this.#given ? 0 : (decoder.preSkipSamples * 1_000) / piece.sampleRateHz) };
    };
    const give = (piece: DecodedPiece): void => {
      this.#given ||= (piece.planar[0]?.length ?? 0) > 0;
      pieces.push(piece);
    };
    for (const block of blocks) {
      if (together.length > 0 && Math.abs(block.startMs - lastMs) > HOLE_MS) give(await take(this.#decoder));
      if (together.length === 0) startMs = block.startMs;
      lastMs = block.startMs;
      together.push(...block.packets);
      if (block.discardNs > 0) give(withoutEnd(await take(this.#decoder), block.discardNs));
    }
    give(await take(this.#decoder));
    this.damaged = this.#decoder.damaged || this.#packets.damaged;
    return pieces;
  }
}

function withoutEnd(piece: DecodedPiece, discardNs: number): DecodedPiece {
  const samples = piece.planar[0]?.length ?? 0;
  const kept = Math.max(0, samples - Math.round((discardNs * piece.sampleRateHz) / 1e9));
  return { ...piece, planar: piece.planar.map((channel) => channel.subarray(0, kept)) };
}

function codecOf(track: MatroskaTrack): Promise<PacketCodec> {
  switch (track.codecId) {
    case 'A_OPUS':
      return opusCodec(track.codecPrivate);
    case 'A_VORBIS':
      return vorbisOf(track.codecPrivate);
    case 'A_FLAC':
      return flacCodec(track.sampleRateHz);
    case 'A_MPEG/L3':
      return mp3Codec();
    default:
      throw new AsrError(
        'decoder_unavailable',
        `The sound track (${track.codecId}) needs ffmpeg, which the server lacks. Send wav, mp3, flac or ogg, or install ffmpeg on the server.`,
      );
  }
}

/** The three header packets lie in the private data with Xiph lacing: count, the lengths of the first two, the packets. */
function vorbisOf(data: Uint8Array): Promise<PacketCodec> {
  let at = 1;
  const length = (): number => {
    let sum = 0;
    for (let byte = 255; byte === 255;) {
      byte = data[at++] ?? 0;
      sum += byte;
    }
    return sum;
  };
  const identification = length();
  const comments = length();
  return vorbisCodec(data.slice(at, at + identification), data.slice(at + identification + comments));
}
