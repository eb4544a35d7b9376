import { AsrError } from '@murmuration/contracts/errors';
import { viewOf } from './byte-queue.js';
import { readMpegFrame } from './mpeg-frame.js';
import { MAX_CHANNELS } from './track-shaper.js';

/** Reads one container and its codec in WASM: bytes in, planar PCM at the source's rate out. Throws `AsrError`. */
export interface WasmReader {
  push(bytes: Uint8Array): Promise<DecodedPiece[]>;
  finish(): Promise<DecodedPiece[]>;
  /** Null until known. */
  readonly codec: string | null;
  /** Length that the file's header declares, or null. Milliseconds. */
  readonly declaredMs: number | null;
  /** True when the bytes ended in the middle of something. Known after `finish`. */
  readonly truncated: boolean;
  /** True when parts could not be decoded. */
  readonly damaged: boolean;
}

/** Planar PCM at the rate of the source. */
export interface DecodedPiece {
  readonly planar: readonly Float32Array[];
  readonly sampleRateHz: number;
  /** Time stamp of its first sample in the file, or null where none is known. Milliseconds. */
  readonly startMs?: number | null;
  /** Its clock has just been set anew. */
  readonly restarts?: boolean;
}

/** A WASM decoder of bare packets, whatever container they came in. */
export interface PacketCodec {
  readonly codec: string;
  /** Rate of the decoded samples, 0 until the first packet where only the packets tell. */
  readonly sampleRateHz: number;
  /** Samples of one channel that are decoded but not given at the start. */
  readonly preSkipSamples: number;
  /** Decodes packets in order. Damaged packets give nothing and set `damaged`. */
  decode(packets: readonly Uint8Array[]): Promise<DecodedPiece>;
  readonly damaged: boolean;
}

interface Decoded {
  readonly channelData: Float32Array[];
  readonly samplesDecoded: number;
  readonly sampleRate: number;
  readonly errors: readonly unknown[];
}

// The decoders are imported where they are used: each unpacks its WASM when it is loaded, and a recording needs one.

/** Wraps a decoder of the wasm-audio-decoders family. */
class DecoderPackets implements PacketCodec {
  readonly codec: string;
  readonly preSkipSamples: number;
  sampleRateHz: number;
  damaged = false;
  readonly #decode: (packets: Uint8Array[]) => Decoded | Promise<Decoded>;
  readonly #gain: number;

  constructor(
    codec: string,
    sampleRateHz: number,
    decode: (packets: Uint8Array[]) => Decoded | Promise<Decoded>,
    more: { preSkipSamples?: number; gain?: number } = {},
  ) {
    this.codec = codec;
    this.sampleRateHz = sampleRateHz;
    this.preSkipSamples = more.preSkipSamples ?? 0;
    this.#decode = decode;
    this.#gain = more.gain ?? 1;
  }

  async decode(packets: readonly Uint8Array[]): Promise<DecodedPiece> {
    const whole = packets.filter((packet) => packet.length > 0);
    if (whole.length === 0) return { planar: [], sampleRateHz: this.sampleRateHz };
    try {
      const decoded = await this.#decode(whole);
      if (decoded.errors.length > 0) this.damaged = true;
      if (decoded.samplesDecoded === 0) return { planar: [], sampleRateHz: this.sampleRateHz };
      if (this.sampleRateHz === 0) this.sampleRateHz = decoded.sampleRate;
      const planar = decoded.channelData;
      if (this.#gain !== 1)
        for (const channel of planar)
          for (let i = 0; i < channel.length; i++) channel[i] = (channel[i] ?? 0) * this.#gain;
      return { planar, sampleRateHz: this.sampleRateHz };
    } catch {
      // A packet larger than the decoder's input, or one that makes it trap.
      this.damaged = true;
      return { planar: [], sampleRateHz: this.sampleRateHz };
    }
  }
}

/** @param head the OpusHead packet (RFC 7845) */
export async function opusCodec(head: Uint8Array): Promise<PacketCodec> {
  const view = viewOf(head);
  const channels = head[9] ?? 0;
  const family = head[18] ?? 0;
  if (head.length < (family === 0 ? 19 : 21 + channels)) throw refuse('The opus header is cut off.');
  if (channels < 1 || channels > MAX_CHANNELS || (family === 0 && channels > 2))
    throw refuse(`The recording claims ${String(channels)} channels.`);
  const preSkip = view.getUint16(10, true);
  const { OpusDecoder } = await import('opus-decoder');
  const decoder = new OpusDecoder({
    channels,
    preSkip,
    ...(family === 0
      ? {}
      : {
          streamCount: head[19] ?? 1,
          coupledStreamCount: head[20] ?? 0,
          channelMappingTable: [...head.subarray(21, 21 + channels)],
        }),
  });
  await decoder.ready;
  const gain = 10 ** (view.getInt16(16, true) / 256 / 20);
  return new DecoderPackets('opus', 48_000, (packets) => decoder.decodeFrames(packets), {
    preSkipSamples: preSkip,
    gain,
  });
}

/** @param identification the first header packet of Vorbis I @param setup the third */
export async function vorbisCodec(identification: Uint8Array, setup: Uint8Array): Promise<PacketCodec> {
  if (identification.length < 30 || identification[0] !== 1 || setup[0] !== 5)
    throw refuse('The vorbis headers are damaged.');
  const { OggVorbisDecoder } = await import('@wasm-audio-decoders/ogg-vorbis');
  const decoder = new OggVorbisDecoder();
  await decoder.ready;
  // The decoder takes pages as its own parser makes them; these hold the few fields that it reads.
  const page = (data: Uint8Array, codecFrames: unknown[]): unknown => ({ data, codecFrames, isLastPage: false });
  const decodePages = (pages: unknown[]): Promise<Decoded> =>
    decoder.decodeOggPages(pages as Parameters<typeof decoder.decodeOggPages>[0]);
  const header = { vorbisSetup: setup };
  await decodePages([page(identification, []), page(new Uint8Array(0), [{ header, data: new Uint8Array(0) }])]);
  return new DecoderPackets('vorbis', viewOf(identification).getUint32(12, true), (packets) =>
    decodePages([
      page(
        new Uint8Array(0),
        packets.map((data) => ({ header, data })),
      ),
    ]),
  );
}

/** Bare FLAC frames. @param sampleRateHz of STREAMINFO, or 0 */
export async function flacCodec(sampleRateHz: number): Promise<PacketCodec> {
  const { FLACDecoder } = await import('@wasm-audio-decoders/flac');
  const decoder = new FLACDecoder();
  await decoder.ready;
  return new DecoderPackets('flac', sampleRateHz, (packets) => decoder.decodeFrames(packets));
}

/** Bare MPEG layer III frames. The decoder gives mono as two equal channels: the first frame tells. */
export async function mp3Codec(): Promise<PacketCodec> {
  const { MPEGDecoder } = await import('mpg123-decoder');
  const decoder = new MPEGDecoder();
  await decoder.ready;
  let mono: boolean | null = null;
  return new DecoderPackets('mp3', 0, (packets) => {
    mono ??= readMpegFrame(packets[0] ?? new Uint8Array(0), 0)?.channels === 1;
    const decoded = decoder.decodeFrames(packets);
    return mono ? { ...decoded, channelData: decoded.channelData.slice(0, 1) } : decoded;
  });
}

function refuse(message: string): AsrError {
  return new AsrError('unprocessable_audio', message);
}
