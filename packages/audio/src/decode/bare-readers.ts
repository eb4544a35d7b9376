import type { MPEGDecoder } from 'mpg123-decoder';
import { asciiOf, ByteQueue, viewOf } from './byte-queue.js';
import { FlacFrames } from './flac-frames.js';
import { Mp3Opening } from './mpeg-frame.js';
import { flacCodec, type DecodedPiece, type PacketCodec, type WasmReader } from './packet-codec.js';

// Readers of streams that no container holds. Each loads its decoder when it needs it: a decoder unpacks its WASM when it is loaded.

/** Native FLAC. signature → metadata blocks (only STREAMINFO is read) → frames. */
export class FlacReader implements WasmReader {
  readonly codec = 'flac';
  readonly truncated = false;
  declaredMs: number | null = null;
  damaged = false;
  readonly #queue = new ByteQueue();
  readonly #frames = new FlacFrames();
  #codec: PacketCodec | null = null;
  #place: 'signature' | 'metadata' | 'frames' = 'signature';
  #rateHz = 0;

  push(bytes: Uint8Array): Promise<DecodedPiece[]> {
    this.#queue.push(bytes);
    return this.#reachedFrames()
      ? this.#decode(this.#frames.push(this.#queue.takeUpTo(Infinity)))
      : Promise.resolve([]);
  }

  finish(): Promise<DecodedPiece[]> {
    return this.#decode(this.#frames.finish());
  }

  async #decode(frames: readonly Uint8Array[]): Promise<DecodedPiece[]> {
    this.damaged ||= this.#frames.damaged;
    if (frames.length === 0) return [];
    this.#codec ??= await flacCodec(this.#rateHz);
    const piece = await this.#codec.decode(frames);
    this.damaged ||= this.#codec.damaged;
    return [piece];
  }

  #reachedFrames(): boolean {
    const queue = this.#queue;
    if (this.#place === 'signature') {
      if (queue.take(4) === null) return false;
      this.#place = 'metadata';
    }
    while (this.#place === 'metadata') {
      const head = queue.peek(4);
      if (head === null) return false;
      const kind = head[0] ?? 0;
      const size = viewOf(head).getUint32(0) & 0xff_ffff;
      if ((kind & 0x7f) === 0) {
        const info = queue.peek(22);
        if (info === null) return false;
        this.#streamInfo(viewOf(info));
      }
      queue.skip(4 + size);
      if ((kind & 0x80) !== 0) this.#place = 'frames';
    }
    return true;
  }

  /** 20 bits of rate, 3 of channels, 5 of depth, 36 of length, from byte 14 of the block on (RFC 9639). */
  #streamInfo(block: DataView): void {
    this.#rateHz = block.getUint32(14) >>> 12;
    const samples = (block.getUint8(17) & 15) * 2 ** 32 + block.getUint32(18);
    this.declaredMs = samples === 0 || this.#rateHz === 0 ? null : (samples * 1_000) / this.#rateHz;
  }
}

/** Bare mp3, with or without tags. */
export class Mp3Reader implements WasmReader {
  readonly codec = 'mp3';
  readonly truncated = false;
  damaged = false;
  readonly #opening = new Mp3Opening();
  #decoder: MPEGDecoder | null = null;

  get declaredMs(): number | null {
    return this.#opening.declaredMs;
  }

  push(bytes: Uint8Array): Promise<DecodedPiece[]> {
    return this.#decode(this.#opening.push(bytes));
  }

  finish(): Promise<DecodedPiece[]> {
    return this.#decode(this.#opening.finish());
  }

  async #decode(bytes: Uint8Array): Promise<DecodedPiece[]> {
    if (bytes.length === 0) return [];
    this.#decoder ??= new (await import('mpg123-decoder')).MPEGDecoder();
    await this.#decoder.ready;
    const decoded = this.#decoder.decode(bytes);
    if (decoded.errors.length > 0) this.damaged = true;
    // The decoder gives mono as two equal channels.
    return [{ planar: decoded.channelData.slice(0, this.#opening.channels ?? 2), sampleRateHz: decoded.sampleRate }];
  }
}

/** AMR narrow band (8 kHz) and wide band (16 kHz), one channel. */
export class AmrReader implements WasmReader {
  readonly declaredMs = null;
  readonly truncated = false;
  readonly damaged = false;
  codec: string | null = null;
  readonly #decoder = import('@audio/decode-amr').then(({ decoder }) => decoder());

  async push(bytes: Uint8Array): Promise<DecodedPiece[]> {
    this.codec ??= asciiOf(bytes, 0, 6) === '#!AMR-' ? 'amr_wb' : 'amr_nb';
    const decoded = (await this.#decoder).decode(bytes);
    return [{ planar: decoded.channelData, sampleRateHz: decoded.sampleRate }];
  }

  finish(): Promise<DecodedPiece[]> {
    return Promise.resolve([]);
  }
}
