import { AsrError } from '@murmuration/contracts/errors';
import { asciiOf, viewOf, type ByteQueue } from './byte-queue.js';
import type { HeaderReader, HeaderStep, PcmLayout } from './chunked-pcm-decoder.js';
import { A_LAW, MU_LAW, floatEncoding, integerEncoding, type SampleEncoding } from './sample-encoding.js';

const ALL_ONES = 0xffff_ffff;
const MAX_COMMON_BYTES = 4_096;
const MORE: HeaderStep = { type: 'more' };

/** Chunks that are known to stand behind the sound. */
const KNOWN = new Set([
  'COMM',
  'FVER',
  'MARK',
  'COMT',
  'INST',
  'MIDI',
  'AESD',
  'APPL',
  'NAME',
  'AUTH',
  '(c) ',
  'ANNO',
  'ID3 ',
  'CHAN',
  'SAXL',
  'PEAK',
  'FLLR',
  'basc',
  'trns',
  'cate',
]);

/** Reads AIFF and AIFF-C headers up to the sound data, also those of joined files. Source: Apple, "Audio Interchange File Format: AIFF" 1.3 and the AIFF-C draft of 1991. */
export class AiffHeader implements HeaderReader {
  readonly container = 'aiff';
  readonly signatures = ['FORM\0\0\0\0AIFF', 'FORM\0\0\0\0AIFC'];
  #started = false;
  #compressed = false;
  #layout: PcmLayout | null = null;
  #behindSound = false;

  read(queue: ByteQueue): HeaderStep {
    for (;;) {
      const head = queue.peek(this.#started && !this.#behindSound ? 8 : 12);
      if (head === null) return MORE;
      const id = asciiOf(head, 0, 4);
      const kind = asciiOf(head, 8, 12);
      if (id === 'FORM' && (kind === 'AIFF' || kind === 'AIFC')) {
        this.#started = true;
        this.#compressed = kind === 'AIFC';
        this.#behindSound = false;
        queue.skip(12);
        continue;
      }
      if (!this.#started) throw refuse('The file does not start as an aiff file does.');
      if (this.#behindSound && !KNOWN.has(id)) {
        // A byte of padding follows sound of an odd size.
        if (head[0] !== 0 || !KNOWN.has(asciiOf(head, 1, 5))) return { type: 'other' };
        queue.skip(1);
        continue;
      }
      const size = viewOf(head).getUint32(4);
      if (id === 'SSND') {
        const start = queue.peek(16);
        if (start === null) return MORE;
        if (this.#layout === null) throw refuse('The aiff file has no description before its audio.');
        const offset = viewOf(start).getUint32(8);
        queue.skip(16 + offset);
        this.#behindSound = true;
        return {
          type: 'pcm',
          layout: this.#layout,
          bytes: size <= 8 || size === ALL_ONES ? Infinity : Math.max(0, size - 8 - offset),
        };
      }
      if (id === 'COMM') {
        if (size > MAX_COMMON_BYTES) throw refuse('The aiff file has a description of an impossible size.');
        const body = queue.peek(8 + size);
        if (body === null) return MORE;
        this.#layout = aiffLayout(body.subarray(8), this.#compressed);
      }
      queue.skip(8 + size + (size % 2));
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
  if (encoding === null)
    throw refuse(`The aiff file holds audio with ${String(bits)} bits and a compression that cannot be read.`);
  return { encoding, sampleRateHz: Math.round(extendedFloat(view, 8)), channels: view.getUint16(0) };
}

/** Four-character code of the compression in a COMM chunk's body; `NONE` for AIFF. */
export function aiffCompression(body: Uint8Array, compressed: boolean): string {
  return compressed ? asciiOf(body, 18, 22) : 'NONE';
}

function aiffEncoding(compression: string, bits: number): SampleEncoding | null {
  const bytes = Math.ceil(bits / 8);
  switch (compression) {
    case 'NONE':
    case 'twos':
      return integerEncoding(bytes, false);
    case 'sowt':
      return integerEncoding(bytes, true);
    case 'raw ':
      return bytes === 1 ? integerEncoding(1, false, true) : null;
    case 'in24':
      return integerEncoding(3, false);
    case 'in32':
      return integerEncoding(4, false);
    case 'fl32':
    case 'FL32':
      return floatEncoding(4, false);
    case 'fl64':
    case 'FL64':
      return floatEncoding(8, false);
    case 'alaw':
    case 'ALAW':
      return A_LAW;
    case 'ulaw':
    case 'ULAW':
      return MU_LAW;
    default:
      return null;
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
