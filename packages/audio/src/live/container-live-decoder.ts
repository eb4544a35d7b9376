import { SAMPLES_PER_MS } from '@murmuration/contracts/audio-format';
import { AsrError } from '@murmuration/contracts/errors';
import { ByteQueue } from '../decode/byte-queue.js';
import { MatroskaReader } from '../decode/matroska-reader.js';
import { OggReader } from '../decode/ogg-reader.js';
import type { DecodedPiece, WasmReader } from '../decode/packet-codec.js';
import { RecordingTimeline, TimedShaper, unfolded } from '../decode/timed-shaper.js';
import { MAX_CHANNELS } from '../decode/track-shaper.js';
import type { DecodedLive, LiveDecoder } from './live-decoder.js';

/** Compressed bytes decoded at once: a packet of two bytes may stand for 120 ms, and this bounds what they grow to to 12 MB a channel. */
const SLICE_BYTES = 1_024;
/** Bytes without any sound in them after which the stream is refused. */
const MAX_SILENT_BYTES = 1_048_576;
/** Most silence that time stamps may stand for in one piece from the client. More is taken for a clock that was reset. Milliseconds. */
const MAX_HOLE_MS = 60_000;
const NO_LIMITS = { maxDurationMs: Infinity, maxChannels: MAX_CHANNELS };
/** Samples are counted at this rate, whatever the codec's own is. */
const COUNTED_SAMPLES_A_SAMPLE = 3;

/**
 * Opus in Ogg or WebM, as a browser's recorder makes it. starting (waits for the first bytes) → reading.
 * A gap in its time stamps, as left by a recorder that sends no silence, becomes silence. The first sound is the beginning, whatever its time stamp.
 * Samples are counted by what came out of it: three at 48 kHz for each at 16 kHz.
 */
export class ContainerLiveDecoder implements LiveDecoder {
  readonly #head = new ByteQueue();
  #reader: WasmReader | null = null;
  readonly #shaper = new TimedShaper('mix', NO_LIMITS, new RecordingTimeline(true));
  #silentBytes = 0;

  get mixAdjusted(): boolean {
    return this.#shaper.warnings().some(({ code }) => code === 'mix_adjusted');
  }

  async push(bytes: Uint8Array): Promise<DecodedLive> {
    const parts: Float32Array[] = [];
    this.#shaper.timeline.maxHoleMs = MAX_HOLE_MS;
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      const slice = bytes.slice(at, at + SLICE_BYTES);
      const made = await this.#slice(slice);
      this.#silentBytes = made.some((part) => part.length > 0) ? 0 : this.#silentBytes + slice.length;
      if (this.#silentBytes > MAX_SILENT_BYTES) throw refused();
      parts.push(...made);
    }
    return counted(parts);
  }

  async finish(): Promise<DecodedLive> {
    const parts = this.#reader === null ? [] : this.#shaped(await this.#reader.finish());
    return counted([...parts, ...this.#shaper.finish().flatMap(({ tracks }) => tracks)]);
  }

  snapshot(): null {
    return null;
  }

  async #slice(slice: Uint8Array): Promise<Float32Array[]> {
    if (this.#reader !== null) return this.#shaped(await this.#reader.push(slice));
    this.#head.push(slice);
    const magic = this.#head.peek(4);
    if (magic === null) return [];
    this.#reader = readerOf(magic);
    return this.#shaped(await this.#reader.push(this.#head.takeUpTo(Infinity)));
  }

  #shaped(pieces: readonly DecodedPiece[]): Float32Array[] {
    const parts: Float32Array[] = [];
    for (const piece of pieces) {
      for (const part of this.#shaper.push(piece)) {
        this.#shaper.timeline.maxHoleMs -= part.silentSamples / SAMPLES_PER_MS;
        parts.push(...[...unfolded(part)].flat());
      }
    }
    return parts;
  }
}

function readerOf(magic: Uint8Array): WasmReader {
  const text = String.fromCharCode(...magic);
  if (text === 'OggS') return new OggReader();
  if (text === '\x1aE\xdf\xa3') return new MatroskaReader();
  throw refused();
}

function refused(): AsrError {
  return new AsrError(
    'unprocessable_audio',
    'The bytes are no Ogg or WebM stream with sound. With the encoding opus, send the bytes of a recording from its beginning.',
  );
}

function counted(parts: readonly Float32Array[]): DecodedLive {
  const samples = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    samples.set(part, at);
    at += part.length;
  }
  return { samples, sourceSamples: samples.length * COUNTED_SAMPLES_A_SAMPLE };
}
