import { decoder as startAmr } from '@audio/decode-amr';
import { FLACDecoder } from '@wasm-audio-decoders/flac';
import { MPEGDecoder } from 'mpg123-decoder';
import { asciiOf, viewOf } from './byte-queue.js';
import { Mp3Opening, WithoutTag } from './mp3-opening.js';
import type { DecodedPiece } from './packet-codec.js';
import type { WasmReader } from './wasm-reader.js';

const NO_PIECES: DecodedPiece[] = [];
/** Bare mp3, with or without tags. */
export class Mp3Reader implements WasmReader {
  readonly codec = 'mp3';
  readonly truncated = false;
  damaged = false;
  readonly #opening = new Mp3Opening();
  readonly #decoder = new MPEGDecoder();

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
    if (bytes.length === 0) return NO_PIECES;
    await this.#decoder.ready;
    const decoded = this.#decoder.decode(bytes);
    if (decoded.errors.length > 0) this.damaged = true;
    // The decoder gives mono as two equal channels.
    return [{ planar: decoded.channelData.slice(0, this.#opening.channels ?? 2), sampleRateHz: decoded.sampleRate }];
  }
}

/** Native FLAC. tag → signature → metadata blocks (only STREAMINFO is read) → frames. */
export class FlacReader implements WasmReader {
  readonly codec = 'flac';
  readonly truncated = false;
  declaredMs: number | null = null;
  damaged = false;
  readonly #input = new WithoutTag();
  readonly #decoder = new FLACDecoder();
  #place: 'signature' | 'metadata' | 'frames' = 'signature';
  #rateHz = 0;
  #fed = false;

  async push(bytes: Uint8Array): Promise<DecodedPiece[]> {
    // The decoder's parser chooses by four bytes and fails on fewer.
    if (!this.#input.push(bytes) || !this.#reachedFrames() || this.#input.queue.length < 4) return NO_PIECES;
    await this.#decoder.ready;
    this.#fed = true;
    return this.#piece(await this.#decoder.decode(this.#input.queue.takeUpTo(Infinity)));
  }

  async finish(): Promise<DecodedPiece[]> {
    if (!this.#fed) return NO_PIECES;
    await this.#decoder.ready;
    return this.#piece(await this.#decoder.flush());
  }

  #piece(decoded: { readonly channelData: Float32Array[]; readonly sampleRate: number; readonly errors: readonly unknown[] }): DecodedPiece[] {
    if (decoded.errors.length > 0) this.damaged = true;
    return [{ planar: decoded.channelData, sampleRateHz: this.#rateHz === 0 ? decoded.sampleRate : this.#rateHz }];
  }

  #reachedFrames(): boolean {
    const { queue } = this.#input;
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

/** AMR narrow band (8 kHz) and wide band (16 kHz), one channel. */
export class AmrReader implements WasmReader {
  readonly declaredMs = null;
  readonly truncated = false;
  readonly damaged = false;
  codec: string | null = null;
  readonly #decoder = startAmr();

  async push(bytes: Uint8Array): Promise<DecodedPiece[]> {
    this.codec ??= asciiOf(bytes, 0, 6) === '#!AMR-' ? 'amr_wb' : 'amr_nb';
    const decoded = (await this.#decoder).decode(bytes);
    return [{ planar: decoded.channelData, sampleRateHz: decoded.sampleRate }];
  }

  finish(): Promise<DecodedPiece[]> {
    return Promise.resolve(NO_PIECES);
  }
}
