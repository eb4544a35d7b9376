import { decoder as startAmr } from '@audio/decode-amr';
import { asciiOf } from './byte-queue.js';
import type { DecodedPiece, WasmReader } from './packet-codec.js';

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
    return Promise.resolve([]);
  }
}
