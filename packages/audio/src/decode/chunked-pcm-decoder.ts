import type { ChannelMode } from '@murmuration/contracts';
import { AsrError } from '@murmuration/contracts/errors';
import type { RecordingLimits } from '../recording.js';
import { ByteQueue } from './byte-queue.js';
import { PcmBody, type PcmLayout } from './pcm-body.js';
import type { SourceFormat, StreamDecoder } from './stream-decoder.js';
import { concatTracks } from './track-shaper.js';

/** What the next bytes of a file of chunks are: more is needed, or the PCM starts here. `bytes` is its length, Infinity for "to the end of the file". */
export type HeaderStep = { readonly type: 'more' } | { readonly type: 'pcm'; readonly layout: PcmLayout; readonly bytes: number };

/** Reads the chunks before the PCM of one container. */
export interface HeaderReader {
  readonly container: string;
  /** Takes whole chunks from the queue until the PCM starts. Keeps nothing large. Throws `unprocessable_audio`. */
  read(queue: ByteQueue): HeaderStep;
}

/**
 * A bounded reader of uncompressed containers.
 * header (the reader takes chunks) → pcm (bytes go to the body) → tail (what follows the PCM is ignored).
 */
export class ChunkedPcmDecoder implements StreamDecoder {
  readonly warnings: { code: string; message: string }[] = [];
  readonly #reader: HeaderReader;
  readonly #channels: ChannelMode;
  readonly #limits: RecordingLimits;
  readonly #queue = new ByteQueue();
  #body: PcmBody | null = null;
  #left = 0;
  #format: SourceFormat | null = null;
  #tracks = 0;

  constructor(reader: HeaderReader, channels: ChannelMode, limits: RecordingLimits) {
    this.#reader = reader;
    this.#channels = channels;
    this.#limits = limits;
  }

  get format(): SourceFormat | null {
    return this.#format;
  }

  push(bytes: Uint8Array): Float32Array[] {
    this.#queue.push(bytes);
    if (this.#body === null) {
      const step = this.#reader.read(this.#queue);
      if (step.type === 'more') return [];
      const { layout } = step;
      this.#body = new PcmBody(layout, this.#channels, this.#limits);
      this.#left = step.bytes;
      this.#tracks = this.#channels === 'mix' ? 1 : layout.channels;
      this.#format = { container: this.#reader.container, codec: layout.encoding.codec, sampleRateHz: layout.sampleRateHz, channels: layout.channels };
    }
    const pcm = this.#queue.takeUpTo(this.#left);
    this.#left -= pcm.length;
    this.#queue.takeUpTo(Infinity);
    return this.#joined(this.#body.push(pcm));
  }

  finish(): Float32Array[] {
    if (this.#body === null) throw new AsrError('unprocessable_audio', `The ${this.#reader.container} file ends before its audio. Check the file by playing it.`);
    if (!this.#body.hasAudio) throw new AsrError('unprocessable_audio', `The ${this.#reader.container} file holds no audio.`);
    return this.#joined([this.#body.finish()]);
  }

  #joined(pieces: readonly Float32Array[][]): Float32Array[] {
    const joined = concatTracks(pieces);
    return joined.length > 0 ? joined : Array.from({ length: this.#tracks }, () => new Float32Array(0));
  }
}
