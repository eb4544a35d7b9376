import { AsrError } from '@murmuration/contracts/errors';
import { asciiOf, viewOf, type ByteQueue } from './byte-queue.js';
import type { HeaderReader, HeaderStep } from './chunked-pcm-decoder.js';
import type { PcmLayout } from './pcm-body.js';
import { A_LAW, MU_LAW, floatEncoding, integerEncoding, type SampleEncoding } from './sample-encoding.js';

const ALL_ONES = 0xffff_ffff;
const MAX_FORMAT_BYTES = 4_096;
const MORE: HeaderStep = { type: 'more' };

/** Format tags of WAVEFORMATEX that are read here. */
const TAG_PCM = 1;
const TAG_FLOAT = 3;
const TAG_A_LAW = 6;
const TAG_MU_LAW = 7;
const TAG_EXTENSIBLE = 0xfffe;

/**
 * Reads RIFF, RF64 and BW64 headers up to the data chunk. A data size of 0 or all ones (without a ds64 chunk) means "to the end of the file",
 * and so in effect does a size beyond it. Chunks other than fmt, ds64 and data are passed over, whatever their size.
 * Source: Microsoft's RIFF and WAVEFORMATEX descriptions; EBU Tech 3306 for RF64.
 */
export class WavHeader implements HeaderReader {
  readonly container = 'wav';
  #started = false;
  #layout: PcmLayout | null = null;
  #longDataBytes: number | null = null;

  read(queue: ByteQueue): HeaderStep {
    if (!this.#started) {
      const riff = queue.take(12);
      if (riff === null) return MORE;
      if (!['RIFF', 'RF64', 'BW64'].includes(asciiOf(riff, 0, 4)) || asciiOf(riff, 8, 12) !== 'WAVE') throw refuse('The file does not start as a wav file does.');
      this.#started = true;
    }
    for (;;) {
      const head = queue.peek(8);
      if (head === null) return MORE;
      const id = asciiOf(head, 0, 4);
      const size = viewOf(head).getUint32(4, true);
      if (id === 'data') {
        if (this.#layout === null) throw refuse('The wav file has no format before its audio.');
        queue.skip(8);
        return { type: 'pcm', layout: this.#layout, bytes: this.#dataBytes(size) };
      }
      const padded = size + (size % 2);
      if (id !== 'fmt ' && id !== 'ds64') {
        queue.skip(8 + padded);
        continue;
      }
      if (size > MAX_FORMAT_BYTES) throw refuse('The wav file has a format chunk of an impossible size.');
      if (queue.length < 8 + size) return MORE;
      const body = (queue.peek(8 + size) ?? head).subarray(8);
      if (id === 'fmt ') this.#layout = wavLayout(body);
      else if (size >= 16) this.#longDataBytes = Number(viewOf(body).getBigUint64(8, true));
      queue.skip(8 + padded);
    }
  }

  #dataBytes(size: number): number {
    const bytes = size === ALL_ONES ? (this.#longDataBytes ?? 0) : size;
    return bytes === 0 || bytes >= Number.MAX_SAFE_INTEGER ? Infinity : bytes;
  }
}

/** Meaning of a fmt chunk's body. Throws `unprocessable_audio`, also for codecs other than PCM, A-law and µ-law. */
function wavLayout(body: Uint8Array): PcmLayout {
  if (body.length < 14) throw refuse('The wav file has a format chunk that is too short.');
  const view = viewOf(body);
  const channels = view.getUint16(2, true);
  const sampleRateHz = view.getUint32(4, true);
  const bits = body.length >= 16 ? view.getUint16(14, true) : 8;
  const tag = wavFormatTag(body);
  const encoding = wavEncoding(tag, bits);
  if (encoding === null) throw refuse(`The wav file holds format ${String(tag)} with ${String(bits)} bits, which cannot be read.`);
  return { encoding, sampleRateHz, channels };
}

/** The format tag of a fmt chunk's body; for WAVE_FORMAT_EXTENSIBLE that of its sub-format. */
export function wavFormatTag(body: Uint8Array): number {
  if (body.length < 2) return 0;
  const tag = viewOf(body).getUint16(0, true);
  return tag === TAG_EXTENSIBLE && body.length >= 26 ? viewOf(body).getUint16(24, true) : tag;
}

function wavEncoding(tag: number, bits: number): SampleEncoding | null {
  // Odd depths such as 12 or 20 bits are left-justified in whole bytes.
  const bytes = Math.ceil(bits / 8);
  if (tag === TAG_PCM) return integerEncoding(bytes, true, true);
  if (tag === TAG_FLOAT) return bits % 32 === 0 ? floatEncoding(bytes, true) : null;
  if (tag === TAG_A_LAW) return A_LAW;
  return tag === TAG_MU_LAW ? MU_LAW : null;
}

function refuse(message: string): AsrError {
  return new AsrError('unprocessable_audio', message);
}
