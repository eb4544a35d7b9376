import { AsrError } from '@murmuration/contracts/errors';
import { asciiOf, viewOf } from './byte-queue.js';
import { noSuchTrack } from './external-decoding.js';
import { OggPages, type OggPage } from './ogg-pages.js';
import {
  flacCodec,
  opusCodec,
  vorbisCodec,
  type DecodedPiece,
  type PacketCodec,
  type WasmReader,
} from './packet-codec.js';

/** Header packets of a stream until its codec can start. */
interface Opening {
  readonly serial: number;
  readonly headers: Uint8Array[];
}

/**
 * Ogg with opus, vorbis or FLAC: one stream of sound, and in chained files the one of each link.
 * none (waits for a stream's first page) → opening (collects headers) → decoding → none (after the stream's last page)
 */
export class OggReader implements WasmReader {
  readonly declaredMs = null;
  codec: string | null = null;
  truncated = false;
  damaged = false;
  readonly #pages = new OggPages();
  #opening: Opening | null = null;
  #decoding: {
    readonly serial: number;
    readonly codec: PacketCodec;
    isHeader: (packet: Uint8Array) => boolean;
  } | null = null;
  #unknown = false;
  readonly #track: number;
  /** Streams of sound of this link that come before the one that is read. */
  #passed = 0;
  /** Samples given of this stream, and where its first one lies on the stream's own clock. */
  #given = 0;
  #startSample: number | null = null;
  /** Where the page before ended on that clock, or null where no granule told. */
  #lastEnd: number | null = null;
  #links = 0;

  /** @param track counted among the streams of sound */
  constructor(track = 0) {
    this.#track = track;
  }

  async push(bytes: Uint8Array): Promise<DecodedPiece[]> {
    const pieces: DecodedPiece[] = [];
    for (const page of this.#pages.push(bytes)) pieces.push(...(await this.#page(page)));
    return pieces;
  }

  finish(): Promise<DecodedPiece[]> {
    if (this.codec === null && this.#passed > 0) return Promise.reject(noSuchTrack(this.#passed));
    if (this.codec === null && this.#unknown)
      return Promise.reject(
        new AsrError('decoder_unavailable', 'The ogg file holds a codec that needs ffmpeg, which the server lacks.'),
      );
    this.truncated = this.#pages.insidePage;
    return Promise.resolve([]);
  }

  async #page(page: OggPage): Promise<DecodedPiece[]> {
    if (page.first && this.#decoding === null && this.#opening === null) {
      const kind = codecOf(page.packets[0]);
      if (kind === null) this.#unknown = true;
      else if (this.#passed < this.#track) this.#passed++;
      else this.#opening = { serial: page.serial, headers: [] };
    }
    let packets = page.packets;
    if (this.#opening?.serial === page.serial) packets = await this.#open(this.#opening, packets);
    const decoding = this.#decoding;
    if (decoding?.serial !== page.serial) return [];
    const piece = await decoding.codec.decode(packets.filter((packet) => !decoding.isHeader(packet)));
    this.damaged ||= decoding.codec.damaged;
    const kept = this.#trimmed(page, piece, decoding.codec);
    if (page.last) {
      this.#decoding = null;
      this.#passed = 0;
    }
    return [kept];
  }

  /** Collects header packets; gives those that come after them. */
  async #open(opening: Opening, packets: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const { serial, headers } = opening;
    const kind = codecOf(headers[0] ?? packets[0]);
    const wanted = kind === 'vorbis' ? 3 : kind === 'opus' ? 2 : 1;
    const taken = Math.min(packets.length, wanted - headers.length);
    // The comments are not kept: they may be long.
    for (const packet of packets.slice(0, taken)) headers.push(headers.length === 1 ? new Uint8Array(0) : packet);
    if (headers.length < wanted) return [];
    const [first = new Uint8Array(0), , third = new Uint8Array(0)] = headers;
    const codec =
      kind === 'opus'
        ? await opusCodec(first)
        : kind === 'vorbis'
          ? await vorbisCodec(first, third)
          : await flacCodec(flacRate(first));
    this.#opening = null;
    // Ogg FLAC announces a number of metadata packets that may be "unknown"; a frame starts with its sync code, metadata does not.
    this.#decoding = { serial, codec, isHeader: kind === 'flac' ? (packet) => packet[0] !== 0xff : () => false };
    this.codec = codec.codec;
    this.#given = 0;
    this.#startSample = null;
    this.#lastEnd = null;
    this.#links++;
    return packets.slice(taken);
  }

  /** The last page says where the stream ends, which may be within its last packet (RFC 7845, section 4). */
  #trimmed(page: OggPage, piece: DecodedPiece, codec: PacketCodec): DecodedPiece {
    const samples = piece.planar[0]?.length ?? 0;
    if (page.granule === null || samples === 0) {
      this.#given += samples;
      return piece;
    }
    const end = page.granule - codec.preSkipSamples;
    const first = this.#startSample === null;
    const givenBefore = this.#given;
    // A stream cut out of a longer one starts at a later granule than 0; one of a single page starts at 0.
    this.#startSample ??= page.last ? 0 : Math.max(0, end - this.#given - samples);
    // The end counts from the page before, which may lie behind a hole.
    const kept = page.last
      ? Math.min(samples, Math.max(0, end - (this.#lastEnd ?? this.#startSample + this.#given)))
      : samples;
    const start = page.last ? end - kept : end - samples;
    this.#lastEnd = end;
    this.#given += kept;
    const startMs = ((first ? this.#startSample + givenBefore : start) * 1_000) / piece.sampleRateHz;
    const restarts = first && this.#links > 1;
    return {
      planar: kept === samples ? piece.planar : piece.planar.map((channel) => channel.subarray(0, kept)),
      sampleRateHz: piece.sampleRateHz,
      startMs,
      restarts,
    };
  }
}

function codecOf(packet: Uint8Array | undefined): 'opus' | 'vorbis' | 'flac' | null {
  if (packet === undefined) return null;
  if (asciiOf(packet, 0, 8) === 'OpusHead') return 'opus';
  if (asciiOf(packet, 0, 7) === '\x01vorbis') return 'vorbis';
  return asciiOf(packet, 0, 5) === '\x7fFLAC' ? 'flac' : null;
}

/** Rate in the STREAMINFO of an Ogg FLAC header: 13 bytes of mapping, 4 of block header, then 10 before the 20 bits. */
function flacRate(header: Uint8Array): number {
  return header.length < 31 ? 0 : viewOf(header).getUint32(27) >>> 12;
}
