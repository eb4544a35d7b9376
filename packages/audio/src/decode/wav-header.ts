import { AsrError } from '@murmuration/contracts/errors';
import { asciiOf, viewOf, type ByteQueue } from './byte-queue.js';
import type { HeaderReader, HeaderStep, PcmLayout } from './chunked-pcm-decoder.js';
import { A_LAW, MU_LAW, floatEncoding, integerEncoding, type SampleEncoding } from './sample-encoding.js';

const ALL_ONES = 0xffff_ffff;
const MAX_FORMAT_BYTES = 4_096;
const MORE: HeaderStep = { type: 'more' };

/** First letters of a file: sizes of 32 bits, of 64 bits in two ways, and numbers with their highest byte first. */
const KINDS = ['RIFF', 'RF64', 'BW64', 'RIFX'];

/** Format tags of WAVEFORMATEX that are read here. */
const TAG_PCM = 1;
const TAG_FLOAT = 3;
const TAG_A_LAW = 6;
const TAG_MU_LAW = 7;
const TAG_EXTENSIBLE = 0xfffe;

/** Chunks that are known to stand behind the sound, whatever the file's size says. */
const KNOWN = new Set([
  'LIST',
  'fact',
  'bext',
  'iXML',
  'axml',
  'chna',
  'cue ',
  'smpl',
  'inst',
  'plst',
  'note',
  'labl',
  'ltxt',
  'acid',
  'JUNK',
  'junk',
  'PAD ',
  'FLLR',
  'PEAK',
  'DISP',
  'afsp',
  'levl',
  'id3 ',
  'ID3 ',
  'XMP ',
  '_PMX',
  'umid',
  'minf',
  'elm1',
  'regn',
  'strc',
  'SAUR',
  'LGWV',
  'cart',
  'mext',
  'wavl',
  'slnt',
]);

/**
 * Reads RIFF, RIFX, RF64 and BW64 headers up to a data chunk, and from there to the next one, also across joined files. A data size of 0 or all ones
 * (without a ds64 chunk) means "to the end of the file", and so in effect does a size beyond it. Other chunks are passed over, whatever their size;
 * behind the sound those that are known or lie within the size that the file declares.
 * Source: Microsoft's RIFF and WAVEFORMATEX descriptions; EBU Tech 3306 for RF64.
 */
export class WavHeader implements HeaderReader {
  readonly container = 'wav';
  readonly signatures = KINDS.map((kind) => `${kind}\0\0\0\0WAVE`);
  #littleEndian = true;
  #started = false;
  #layout: PcmLayout | null = null;
  #longDataBytes: number | null = null;
  /** Bytes of the file that its declared size leaves. */
  #leftBytes = 0;
  /** A data chunk has ended; with an odd size a byte of padding follows, which some writers leave out. */
  #behindData: 'no' | 'even' | 'odd' = 'no';

  read(queue: ByteQueue): HeaderStep {
    for (;;) {
      const head = queue.peek(this.#started && this.#behindData === 'no' ? 8 : 12);
      if (head === null) return MORE;
      const id = asciiOf(head, 0, 4);
      if (KINDS.includes(id) && asciiOf(head, 8, 12) === 'WAVE') {
        this.#started = true;
        this.#littleEndian = id !== 'RIFX';
        this.#behindData = 'no';
        this.#longDataBytes = null;
        this.#leftBytes = viewOf(head).getUint32(4, this.#littleEndian) - 4;
        queue.skip(12);
        continue;
      }
      if (!this.#started) throw refuse('The file does not start as a wav file does.');
      const size = viewOf(head).getUint32(4, this.#littleEndian);
      const padded = size + (size % 2);
      if (this.#behindData !== 'no' && !this.#isChunk(id, padded)) {
        if (this.#behindData === 'even' || head[0] !== 0) return { type: 'other' };
        this.#behindData = 'even';
        queue.skip(1);
        continue;
      }
      if (id === 'data') {
        if (this.#layout === null) throw refuse('The wav file has no format before its audio.');
        queue.skip(8);
        const bytes = this.#dataBytes(size);
        this.#leftBytes -= 8 + padded;
        this.#behindData = bytes % 2 === 0 ? 'even' : 'odd';
        return { type: 'pcm', layout: this.#layout, bytes };
      }
      if (id === 'fmt ' || id === 'ds64') {
        if (size > MAX_FORMAT_BYTES) throw refuse('The wav file has a format chunk of an impossible size.');
        const body = queue.peek(8 + size)?.subarray(8);
        if (body === undefined) return MORE;
        if (id === 'fmt ') this.#layout = wavLayout(body, this.#littleEndian);
        else if (size >= 16) this.#longDataBytes = Number(viewOf(body).getBigUint64(8, true));
      }
      queue.skip(8 + padded);
      this.#leftBytes -= 8 + padded;
    }
  }

  #isChunk(id: string, paddedBytes: number): boolean {
    return (
      id === 'data' ||
      id === 'fmt ' ||
      KNOWN.has(id) ||
      (/^[\x20-\x7e]{4}$/.test(id) && 8 + paddedBytes <= this.#leftBytes + 1)
    );
  }

  #dataBytes(size: number): number {
    const bytes = size === ALL_ONES ? (this.#longDataBytes ?? 0) : size;
    return bytes === 0 || bytes >= Number.MAX_SAFE_INTEGER ? Infinity : bytes;
  }
}

/** Meaning of a fmt chunk's body. Throws `unprocessable_audio`, also for codecs other than PCM, A-law and µ-law. */
export function wavLayout(body: Uint8Array, littleEndian = true): PcmLayout {
  if (body.length < 14) throw refuse('The wav file has a format chunk that is too short.');
  const view = viewOf(body);
  const channels = view.getUint16(2, littleEndian);
  const sampleRateHz = view.getUint32(4, littleEndian);
  const frameBytes = view.getUint16(12, littleEndian);
  const bits = body.length >= 16 ? view.getUint16(14, littleEndian) : 0;
  const tag = wavFormatTag(body, littleEndian);
  // Odd depths such as 12 or 20 bits are left-justified in whole bytes. The size of a frame tells where 24 bits lie in four of them, and where no depth is told.
  const needed = Math.ceil(bits / 8);
  const told = frameBytes / Math.max(1, channels);
  const bytes = needed === 0 || (needed === 3 && told === 4) ? told : needed;
  const encoding = wavEncoding(tag, bytes, littleEndian);
  if (encoding === null)
    throw refuse(`The wav file holds format ${String(tag)} with ${String(bits)} bits, which cannot be read.`);
  return { encoding, sampleRateHz, channels };
}

/** The format tag of a fmt chunk's body; for WAVE_FORMAT_EXTENSIBLE that of its sub-format. */
export function wavFormatTag(body: Uint8Array, littleEndian = true): number {
  if (body.length < 2) return 0;
  const tag = viewOf(body).getUint16(0, littleEndian);
  return tag === TAG_EXTENSIBLE && body.length >= 26 ? viewOf(body).getUint16(24, littleEndian) : tag;
}

function wavEncoding(tag: number, bytes: number, littleEndian: boolean): SampleEncoding | null {
  if (tag === TAG_PCM) return integerEncoding(bytes, littleEndian, true);
  if (tag === TAG_FLOAT) return floatEncoding(bytes, littleEndian);
  if (tag === TAG_A_LAW) return A_LAW;
  return tag === TAG_MU_LAW ? MU_LAW : null;
}

function refuse(message: string): AsrError {
  return new AsrError('unprocessable_audio', message);
}
