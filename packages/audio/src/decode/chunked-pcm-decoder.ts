import type { ChannelMode } from '@murmuration/contracts';
import { AsrError } from '@murmuration/contracts/errors';
import type { RecordingLimits } from '../recording.js';
import { ByteQueue } from './byte-queue.js';
import { truncationWarning } from './stream-findings.js';
import type { SourceFormat, StreamDecoder } from './external-decoding.js';
import { deinterleave, type SampleEncoding } from './sample-encoding.js';
import { TAG_HEAD_BYTES, tagBytes } from './tags.js';
import { checkFormat, concatTracks, TrackShaper } from './track-shaper.js';

/** Frames worked on at once, so that arrays stay small however large a piece is. */
const FRAMES_AT_ONCE = 65_536;

/** What a header says about the PCM that follows. */
export interface PcmLayout {
  readonly encoding: SampleEncoding;
  readonly sampleRateHz: number;
  readonly channels: number;
}

/** A stretch of PCM in a bounded reader: bytes of interleaved frames in, tracks at 16 kHz out. Keeps less than one frame between pieces; a last frame that is not whole is dropped. */
export class PcmBody {
  readonly #layout: PcmLayout;
  readonly #shaper: TrackShaper;
  readonly #frameBytes: number;
  #rest = new Uint8Array(0);

  /** Throws `unprocessable_audio` for rates and channel counts that no recording has. */
  constructor(layout: PcmLayout, shaper: TrackShaper, limits: RecordingLimits) {
    checkFormat(layout.sampleRateHz, layout.channels, limits);
    this.#layout = layout;
    this.#shaper = shaper;
    this.#frameBytes = layout.encoding.bytes * layout.channels;
  }

  /** Length of so many bytes. Milliseconds. */
  durationMs(bytes: number): number {
    return (bytes * 1_000) / (this.#frameBytes * this.#layout.sampleRateHz);
  }

  /** Gives one list of tracks for each run of frames. Throws `audio_too_long`. */
  push(bytes: Uint8Array): Float32Array[][] {
    const out: Float32Array[][] = [];
    let input = bytes;
    if (this.#rest.length > 0) {
      const wanted = this.#frameBytes - this.#rest.length;
      const frame = new Uint8Array(this.#rest.length + Math.min(wanted, input.length));
      frame.set(this.#rest);
      frame.set(input.subarray(0, wanted), this.#rest.length);
      input = input.subarray(Math.min(wanted, input.length));
      if (frame.length < this.#frameBytes) {
        this.#rest = frame;
        return out;
      }
      out.push(this.#shape(frame));
    }
    const whole = input.length - (input.length % this.#frameBytes);
    const step = FRAMES_AT_ONCE * this.#frameBytes;
    for (let at = 0; at < whole; at += step) out.push(this.#shape(input.subarray(at, Math.min(whole, at + step))));
    this.#rest = new Uint8Array(input.subarray(whole));
    return out;
  }

  #shape(frames: Uint8Array): Float32Array[] {
    const { encoding, channels, sampleRateHz } = this.#layout;
    return this.#shaper.push(deinterleave(frames, encoding, channels), sampleRateHz);
  }
}

/**
 * What the next bytes of a file of chunks are: more is needed to tell, or PCM starts here (`bytes` is its length, Infinity for "to the end of the
 * file"), or something that is no chunk.
 */
export type HeaderStep =
  | { readonly type: 'more' }
  | { readonly type: 'pcm'; readonly layout: PcmLayout; readonly bytes: number }
  | { readonly type: 'other' };

/** Reads the chunks around the PCM of one container. */
export interface HeaderReader {
  readonly container: string;
  /** Takes whole chunks from the queue until PCM starts, also those of a further file that was joined. Keeps nothing large. Throws `unprocessable_audio`. */
  read(queue: ByteQueue): HeaderStep;
  /** First characters of a file, \0 for any: so long that no PCM holds them by chance. All of one length. */
  readonly signatures: readonly string[];
}

/** A longer size is a placeholder of a writer to a pipe: all ones, 0x7ffff000, 0x80000000, two thousand million. */
const MIN_PLACEHOLDER_BYTES = 0x7000_0000;

/** What follows the sound and is no chunk is taken for more sound when there is this much of it. */
const MIN_UNDECLARED_BYTES = 4_096;

/**
 * A bounded reader of uncompressed containers.
 * chunks (the reader takes them) ⇄ pcm (bytes go to the body), and chunks → tail (no chunk follows) → pcm when it is long: a size that is too small.
 */
export class ChunkedPcmDecoder implements StreamDecoder {
  readonly warnings: { code: string; message: string }[] = [];
  readonly #reader: HeaderReader;
  readonly #channels: ChannelMode;
  readonly #limits: RecordingLimits;
  readonly #shaper: TrackShaper;
  readonly #queue = new ByteQueue();
  #place: 'chunks' | 'pcm' | 'tail' = 'chunks';
  #body: PcmBody | null = null;
  #left = 0;
  #toldBytes = 0;
  #format: SourceFormat | null = null;
  #tracks = 0;

  constructor(reader: HeaderReader, channels: ChannelMode, limits: RecordingLimits) {
    this.#reader = reader;
    this.#channels = channels;
    this.#limits = limits;
    this.#shaper = new TrackShaper(channels, limits);
  }

  get format(): SourceFormat | null {
    return this.#format;
  }

  push(bytes: Uint8Array): Float32Array[] {
    this.#queue.push(bytes);
    return this.#joined(this.#read(false));
  }

  finish(): Float32Array[] {
    const rest = this.#read(true);
    if (this.#body === null)
      throw new AsrError(
        'unprocessable_audio',
        `The ${this.#reader.container} file ends before its audio. Check the file by playing it.`,
      );
    if (!this.#shaper.hasAudio)
      throw new AsrError('unprocessable_audio', `The ${this.#reader.container} file holds no audio.`);
    const cut = this.#place === 'pcm' ? truncationWarning(this.#toldMs(this.#body), this.#shaper.durationMs) : null;
    this.warnings.push(...(cut === null ? [] : [cut]), ...this.#shaper.mixWarnings());
    return this.#joined([...rest, this.#shaper.finish()]);
  }

  /** Length that the headers tell, or null where a writer that could not go back left no real size. */
  #toldMs(body: PcmBody): number | null {
    return this.#toldBytes >= MIN_PLACEHOLDER_BYTES ? null : this.#shaper.durationMs + body.durationMs(this.#left);
  }

  #read(ended: boolean): Float32Array[][] {
    const out: Float32Array[][] = [];
    for (;;) {
      if (this.#place === 'pcm') {
        this.#takePcm(out, ended);
        if (this.#left > 0) return out;
        this.#place = 'chunks';
      }
      if (this.#place === 'tail') {
        if (this.#queue.length < MIN_UNDECLARED_BYTES) return out;
        const tag = tagBytes(this.#queue.peek(TAG_HEAD_BYTES) ?? new Uint8Array(0));
        if (tag > 0) {
          this.#queue.skip(tag);
          this.#place = 'chunks';
          continue;
        }
        this.warnings.push({
          code: 'wrong_length',
          message: `The file's header says that the sound ends after ${(this.#shaper.durationMs / 1_000).toFixed(1)} s, but it goes on: what follows was read as well.`,
        });
        this.#left = Infinity;
        this.#toldBytes = Infinity;
        this.#place = 'pcm';
        continue;
      }
      const step = this.#reader.read(this.#queue);
      if (step.type === 'more') return out;
      if (step.type === 'other') {
        this.#place = 'tail';
        continue;
      }
      this.#place = 'pcm';
      this.#left = step.bytes;
      this.#toldBytes = step.bytes;
      this.#begin(step.layout);
    }
  }

  #begin(layout: PcmLayout): void {
    this.#body = new PcmBody(layout, this.#shaper, this.#limits);
    if (this.#format !== null) return;
    this.#tracks = this.#channels === 'mix' ? 1 : layout.channels;
    this.#format = {
      container: this.#reader.container,
      codec: layout.encoding.codec,
      sampleRateHz: layout.sampleRateHz,
      channels: layout.channels,
    };
  }

  /** Takes PCM up to its end, up to the start of a joined file, or all but what may be the beginning of one. */
  #takePcm(out: Float32Array[][], ended: boolean): void {
    const bytes = this.#queue.peek(Math.min(this.#queue.length, this.#left)) ?? new Uint8Array(0);
    const joined = findSignature(bytes, this.#reader.signatures);
    const held = joined !== null && !ended && bytes.length < this.#left;
    const taken = joined !== null && (joined.whole || held) ? joined.at : bytes.length;
    this.#left = joined?.whole === true ? 0 : this.#left - taken;
    out.push(...(this.#body?.push(this.#queue.takeUpTo(taken)) ?? []));
  }

  #joined(pieces: readonly Float32Array[][]): Float32Array[] {
    const joined = concatTracks(pieces);
    return joined.length > 0 ? joined : Array.from({ length: this.#tracks }, () => new Float32Array(0));
  }
}

/** Where one of the signatures begins, or might when the bytes end within it; null where none does. */
function findSignature(
  bytes: Uint8Array,
  signatures: readonly string[],
): { readonly at: number; readonly whole: boolean } | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let first: { readonly at: number; readonly whole: boolean } | null = null;
  for (const signature of signatures) {
    const matches = (at: number): boolean =>
      Array.from(signature, (character) => character.charCodeAt(0)).every(
        (code, i) => code === 0 || at + i >= bytes.length || bytes[at + i] === code,
      );
    for (let at = text.indexOf(signature.slice(0, 4)); at >= 0; at = text.indexOf(signature.slice(0, 4), at + 1)) {
      if (!matches(at)) continue;
      if (first === null || at < first.at) first = { at, whole: at + signature.length <= bytes.length };
      break;
    }
    for (let at = Math.max(0, bytes.length - 3); at < bytes.length; at++) {
      if ((first === null || at < first.at) && matches(at)) first = { at, whole: false };
    }
  }
  return first;
}
