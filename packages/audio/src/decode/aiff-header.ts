import { AsrError } from '@murmuration/contracts/errors';
import { asciiOf, viewOf, type ByteQueue } from './byte-queue.js';
import type { HeaderReader, HeaderStep } from './chunked-pcm-decoder.js';
import type { PcmLayout } from './pcm-body.js';
import { A_LAW, MU_LAW, floatEncoding, integerEncoding, type SampleEncoding } from './sample-encoding.js';

const ALL_ONES = 0xffff_ffff;
const MAX_COMMON_BYTES = 4_096;
const MORE: HeaderStep = { type: 'more' };

/** Reads AIFF and AIFF-C headers up to the sound data. Source: Apple, "Audio Interchange File Format: AIFF" 1.3 and the AIFF-C draft of 1991. */
export class AiffHeader implements HeaderReader {
  readonly container = 'aiff';
  #compressed: boolean | null = null;
  #layout: PcmLayout | null = null;

  read(queue: ByteQueue): HeaderStep {
    if (this.#compressed === null) {
      const form = queue.take(12);
      if (form === null) return MORE;
      const kind = asciiOf(form, 8, 12);
      if (asciiOf(form, 0, 4) !== 'FORM' || (kind !== 'AIFF' && kind !== 'AIFC')) throw refuse('The file does not start as an aiff file does.');
      this.#compressed = kind === 'AIFC';
    }
    for (;;) {
      const head = queue.peek(8);
      if (head === null) return MORE;
      const id = asciiOf(head, 0, 4);
      const size = viewOf(head).getUint32(4);
      if (id === 'SSND') {
        const start = queue.peek(16);
        if (start === null) return MORE;
        if (this.#layout === null) throw refuse('The aiff file has no description before its audio.');
        const offset = viewOf(start).getUint32(8);
        queue.skip(16 + offset);
        return { type: 'pcm', layout: this.#layout, bytes: size <= 8 || size === ALL_ONES ? Infinity : Math.max(0, size - 8 - offset) };
      }
      const padded = size + (size % 2);
      if (id !== 'COMM') {
        queue.skip(8 + padded);
        continue;
      }
      if (size > MAX_COMMON_BYTES) throw refuse('The aiff file has a description of an impossible size.');
      const body = queue.peek(8 + size);
      if (body === null) return MORE;
      this.#layout = aiffLayout(body.subarray(8), this.#compressed);
      queue.skip(8 + padded);
    }
  }
}

/** Meaning of a COMM chunk's body. Throws `unprocessable_audio`, also for compressed audio. */
export function aiffLayout(body: Uint8Array, compressed: boolean): PcmLayout {
  if (body.length < (compressed ? 22 : 18)) throw refuse('The aiff file has a description that is too short.');
  const view = viewOf(body);
  const bits = view.getUint16(6);
  const compression = aiffCompression(body, compressed);
  const encoding = aiffEncoding(compression, bits);
  if (encoding === null) throw refuse(`The aiff file holds audio with ${String(bits)} bits and a compression that cannot be read.`);
  return { encoding, sampleRateHz: Math.round(extendedFloat(view, 8)), channels: view.getUint16(0) };
}

/** Four-character code of the compression in a COMM chunk's body; `NONE` for AIFF. */
export function aiffCompression(body: Uint8Array, compressed: boolean): string {
  return compressed ? asciiOf(body, 18, 22) : 'NONE';
}

function aiffEncoding(compression: string, bits: number): SampleEncoding | null {
  const bytes = Math.ceil(bits / 8);
  switch (compression) {
    case 'NONE': case 'twos': return integerEncoding(bytes, false);
    case 'sowt': return integerEncoding(bytes, true);
    case 'raw ': return bytes === 1 ? integerEncoding(1, false, true) : null;
    case 'in24': return integerEncoding(3, false);
    case 'in32': return integerEncoding(4, false);
    case 'fl32': case 'FL32': return floatEncoding(4, false);
    case 'fl64': case 'FL64': return floatEncoding(8, false);
    case 'alaw': case 'ALAW': return A_LAW;
    case 'ulaw': case 'ULAW': return MU_LAW;
    default: return null;
  }
}

/** An 80-bit IEEE 754 extended number: sign and exponent in 2 bytes, mantissa with its leading one in 8. */
function extendedFloat(view: DataView, at: number): number {
  const head = view.getUint16(at);
  const mantissa = view.getUint32(at + 2) * 2 ** 32 + view.getUint32(at + 6);
  const value = mantissa * 2 ** ((head & 0x7fff) - 16_383 - 63);
  return (head & 0x8000) === 0 ? value : -value;
}

function refuse(message: string): AsrError {
  return new AsrError('unprocessable_audio', message);
}
