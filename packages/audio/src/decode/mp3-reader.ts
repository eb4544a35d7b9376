import { MPEGDecoder } from 'mpg123-decoder';
import { Mp3Opening } from './mpeg-frame.js';
import type { DecodedPiece, WasmReader } from './packet-codec.js';

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
    if (bytes.length === 0) return [];
    await this.#decoder.ready;
    const decoded = this.#decoder.decode(bytes);
    if (decoded.errors.length > 0) this.damaged = true;
    // The decoder gives mono as two equal channels.
    return [{ planar: decoded.channelData.slice(0, this.#opening.channels ?? 2), sampleRateHz: decoded.sampleRate }];
  }
}
