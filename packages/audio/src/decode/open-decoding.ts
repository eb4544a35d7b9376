import { AsrError } from '@murmuration/contracts/errors';
import { aiffCompression, aiffLayout } from './aiff-header.js';
import { abortable, noSuchTrack, type ExternalDecodeOptions, type ExternalDecoding } from './external-decoding.js';
import { ByteQueue, asciiOf, viewOf } from './byte-queue.js';
import { SNIFF_BYTES, framesStart, sniffContainer, type BoundedContainer, type Container } from './container.js';
import { TIMED, type FfmpegProgram } from './ffmpeg-command.js';
import { decodeWithFfmpeg } from './ffmpeg-decoder.js';
import { LeadingTags } from './tags.js';
import { cleanerOf } from './stream-cleaner.js';
import type { StreamCleaner } from './stream-findings.js';
import { decodeWithWasm } from './wasm-decoder.js';
import { w64FormatTag } from './w64-header.js';
import { wavFormatTag } from './wav-header.js';

/** Options of opening a recording. */
export interface OpenDecodingOptions extends Omit<ExternalDecodeOptions, 'container'> {
  /** From `findFfmpeg`; null decodes with WASM what it can and refuses the rest with `decoder_unavailable`. */
  readonly ffmpeg: FfmpegProgram | null;
  /** Existing folder for what must be spooled: see `decodeWithFfmpeg`. */
  readonly spoolDir: string;
  /** Bytes. */
  readonly maxSpoolBytes: number;
}

/** A recording whose container is known. `bounded`: the caller runs `createBoundedDecoder(container, …)` on `source`, the whole file, in a thread of its choice. */
export type OpenedDecoding =
  | { readonly kind: 'bounded'; readonly container: BoundedContainer; readonly source: AsyncIterable<Uint8Array> }
  | ({ readonly kind: 'external'; readonly container: Container } & ExternalDecoding);

/**
 * Reads the first bytes of a recording behind its tags (up to 64 KiB) and chooses its decoder by them.
 * Throws `empty_file`, `unprocessable_audio` (nothing that is sound), `decoder_unavailable`, `invalid_field` (naming `track`), `cancelled`, and what the source throws.
 */
export async function openDecoding(
  source: AsyncIterable<Uint8Array>,
  options: OpenDecodingOptions,
): Promise<OpenedDecoding> {
  const pieces = abortable(source, options.signal);
  try {
    const first = await firstBytes(pieces);
    const container = sniffContainer(first);
    // What lies before the first of several frames is no sound, but may look like a frame.
    const head = first.subarray(framesStart(first, container) ?? 0);
    if (!TIMED.has(container) && (options.track ?? 0) > 0) throw noSuchTrack(1);
    const cleaner = cleanerOf(container);
    const whole = cleaner === null ? withHead(head, pieces) : cleaned(withHead(head, pieces), cleaner);
    if (
      (container === 'wav' && isReadableWav(head)) ||
      (container === 'w64' && isReadableFormat(w64FormatTag(head))) ||
      (container === 'aiff' && isReadableAiff(head))
    )
      return { kind: 'bounded', container, source: whole };
    const external =
      options.ffmpeg === null || (container === 'ogg' && beginsWithFlac(head))
        ? decodeWithWasm(whole, { ...options, container, cleaner })
        : decodeWithFfmpeg(whole, { ...options, container, cleaner, ffmpeg: options.ffmpeg });
    return { kind: 'external', container, ...external };
  } catch (error) {
    await pieces.return(undefined);
    throw error;
  }
}

/** The first bytes behind all tags. Throws `empty_file` when there are no bytes at all. */
async function firstBytes(pieces: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  const queue = new ByteQueue();
  const tags = new LeadingTags();
  let empty = true;
  let behind = false;
  while (queue.length < SNIFF_BYTES) {
    const next = await pieces.next();
    if (next.done === true) break;
    empty &&= next.value.length === 0;
    queue.push(next.value);
    behind ||= tags.skip(queue, false);
  }
  if (empty) throw new AsrError('empty_file');
  if (!behind) tags.skip(queue, true);
  if (queue.length === 0) throw new AsrError('unprocessable_audio', 'The file holds tags and no audio.');
  return queue.takeUpTo(Infinity);
}

async function* cleaned(source: AsyncGenerator<Uint8Array>, cleaner: StreamCleaner): AsyncGenerator<Uint8Array> {
  for await (const piece of source) yield* cleaner.push(piece);
  yield* cleaner.finish();
}

async function* withHead(head: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield head;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

/** FLAC in Ogg. ffmpeg 5.1 counts its first page from 0, whatever the page's granule says: a late start moves the first second. */
function beginsWithFlac(head: Uint8Array): boolean {
  return asciiOf(head, 28, 33) === '\x7fFLAC';
}

/** False for codecs of wav such as ADPCM, which the built-in reader does not know. A format beyond the first bytes is left to the reader to judge. */
function isReadableWav(head: Uint8Array): boolean {
  const littleEndian = asciiOf(head, 0, 4) !== 'RIFX';
  const format = chunkBody(head, 'fmt ', littleEndian);
  return isReadableFormat(format === null ? null : wavFormatTag(format, littleEndian));
}

/** @param tag of WAVEFORMATEX; null where it is not among the first bytes: the reader says what is wrong */
function isReadableFormat(tag: number | null): boolean {
  return tag === null || [0, 1, 3, 6, 7].includes(tag);
}

function isReadableAiff(head: Uint8Array): boolean {
  const compressed = asciiOf(head, 8, 12) === 'AIFC';
  const description = chunkBody(head, 'COMM', false);
  if (description === null || description.length < 22) return true;
  try {
    aiffLayout(description, compressed);
    return true;
  } catch {
    return ['NONE', 'twos', 'sowt'].includes(aiffCompression(description, compressed));
  }
}

/** Body of the first chunk of a kind within the first bytes, or null. */
function chunkBody(head: Uint8Array, id: string, littleEndian: boolean): Uint8Array | null {
  for (let at = 12; at + 8 <= head.length;) {
    const size = viewOf(head).getUint32(at + 4, littleEndian);
    if (asciiOf(head, at, at + 4) === id) return head.subarray(at + 8, at + 8 + size);
    at += 8 + size + (size % 2);
  }
  return null;
}
