import type { ChannelMode, ChunkPolicy, DetectOptions, PlannedChunk, RecordingSummary } from '@murmuration/contracts';
import { AsrError } from '@murmuration/contracts/errors';
import { SAMPLES_PER_MS } from '@murmuration/contracts/audio-format';
import type { Transferred } from '@murmuration/runtime/thread';
import { settled } from '@murmuration/contracts/left-alone';
import type { BoundedContainer } from '../decode/container.js';
import type { StreamDecoder } from '../decode/external-decoding.js';
import { createBoundedDecoder } from '../decode/bounded-decoder.js';
import type { SileroModel } from '../detect/silero-model.js';
import { sumAccounts } from '../plan/channel-accounting.js';
import { ChannelTrack } from '../plan/channel-track.js';
import type { ReadyChunk } from '../plan/chunk-planner.js';
import type { RecordingLimits } from '../recording.js';

/** The module of the threads. */
export const SPEECH_READER_THREAD = new URL('./reader-thread.js', import.meta.url);

/** How a recording is to be read; comes with its first piece. */
export interface OpenRecording {
  /** Decoded in the thread by our own reader, or null: PCM comes from outside. */
  readonly container: BoundedContainer | null;
  readonly channels: ChannelMode;
  readonly detect: DetectOptions;
  readonly policy: ChunkPolicy;
  readonly limits: RecordingLimits;
}

/** The next piece of a recording. Buffers move to the thread. */
export interface RecordingPiece {
  /** Chosen by the sender, unique in the thread. */
  readonly recording: number;
  /** Set with the first piece. */
  readonly open: OpenRecording | null;
  /** Bytes of the file for the thread's decoder, or planar PCM at 16 kHz. */
  readonly content:
    { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly pcm: readonly Float32Array<ArrayBuffer>[] };
  /** True for the last piece; the answer then carries the summary. */
  readonly last: boolean;
}

/** A complete chunk; `pcm` is signed 16-bit little endian. */
export interface ReadChunk {
  readonly chunk: PlannedChunk;
  readonly pcm: Uint8Array<ArrayBuffer>;
}

export interface PieceAnswer {
  readonly chunks: readonly ReadChunk[];
  readonly summary: RecordingSummary | null;
}

/** Methods of a reader thread; pieces of one recording are worked on in the order they were sent. */
export type SpeechReaderMethods = {
  /** Throws `AsrError` for bad audio, after which the recording is gone. */
  readonly push: (piece: RecordingPiece) => Promise<Transferred<PieceAnswer>>;
  /** Forgets a recording that will not be finished. */
  readonly drop: (recording: number) => void;
};

/** Bytes decoded, and samples searched (4 s), in one slice. Between two slices other recordings get their turn. */
const SLICE_BYTES = 65_536;
const SLICE_SAMPLES = 65_536;

/**
 * A recording inside a reader thread: bytes or PCM in, chunks in the order of their completion out.
 * States: waiting for PCM (no tracks yet) → running → ended, or dropped at any time: then work stops at the next slice.
 */
export class ThreadRecording {
  readonly #open: OpenRecording;
  readonly #model: SileroModel;
  readonly #decoder: StreamDecoder | null;
  #tracks: ChannelTrack[] = [];
  #samples = 0;
  #chunks = 0;
  #decodeMs = 0;
  #dropped = false;
  #lastWork: Promise<unknown> = Promise.resolve();

  constructor(open: OpenRecording, model: SileroModel) {
    this.#open = open;
    this.#model = model;
    this.#decoder =
      open.container === null
        ? null
        : createBoundedDecoder(open.container, { channels: open.channels, limits: open.limits });
  }

  /** Works on a piece once the pieces before it are done. Throws `AsrError`. */
  push(piece: RecordingPiece): Promise<PieceAnswer> {
    const work = this.#lastWork.then(() => this.#work(piece));
    this.#lastWork = settled(work);
    return work;
  }

  drop(): void {
    this.#dropped = true;
  }

  async #work(piece: RecordingPiece): Promise<PieceAnswer> {
    const chunks: ReadChunk[] = [];
    if ('pcm' in piece.content) {
      await this.#search(piece.content.pcm, chunks);
    } else {
      const { bytes } = piece.content;
      for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
        await this.#search(
          this.#decode((decoder) => decoder.push(bytes.subarray(start, start + SLICE_BYTES))),
          chunks,
        );
      }
    }
    return { chunks, summary: piece.last ? await this.#finish(chunks) : null };
  }

  #decode(step: (decoder: StreamDecoder) => Float32Array[]): Float32Array[] {
    if (this.#decoder === null) throw new AsrError('internal', 'The recording has no decoder in this thread.');
    const startedMs = performance.now();
    const pcm = step(this.#decoder);
    this.#decodeMs += performance.now() - startedMs;
    return pcm;
  }

  async #search(pcm: readonly Float32Array[], chunks: ReadChunk[]): Promise<void> {
    const samples = pcm[0]?.length ?? 0;
    if (samples === 0) return;
    if (this.#tracks.length === 0)
      this.#tracks = pcm.map(
        (_, channel) => new ChannelTrack(channel, this.#model, this.#open.detect, this.#open.policy),
      );
    if (pcm.length !== this.#tracks.length)
      throw new AsrError('unprocessable_audio', 'The number of channels changes in the middle of the recording.');
    this.#samples += samples;
    if (this.#samples > this.#open.limits.maxDurationMs * SAMPLES_PER_MS) throw new AsrError('audio_too_long');
    for (let start = 0; start < samples; start += SLICE_SAMPLES) {
      if (this.#dropped) throw new AsrError('cancelled');
      const ready: ReadyChunk[] = [];
      for (const [channel, track] of this.#tracks.entries()) {
        const slice = pcm[channel]?.subarray(start, start + SLICE_SAMPLES);
        if (slice !== undefined) ready.push(...(await track.push(slice)));
      }
      this.#number(ready, chunks);
      await othersTurn();
    }
  }

  async #finish(chunks: ReadChunk[]): Promise<RecordingSummary> {
    if (this.#decoder !== null)
      await this.#search(
        this.#decode((decoder) => decoder.finish()),
        chunks,
      );
    if (this.#tracks.length === 0) throw new AsrError('unprocessable_audio', 'The recording holds no audio.');
    const ready: ReadyChunk[] = [];
    const accounts: RecordingSummary['accounting'][] = [];
    for (const track of this.#tracks) {
      const end = await track.finish();
      ready.push(...end.chunks);
      accounts.push(end.accounting);
    }
    this.#number(ready, chunks);
    const unlisted = this.#tracks.reduce((sum, track) => sum + track.unlisted, 0);
    return {
      durationMs: this.#samples / SAMPLES_PER_MS,
      channels: this.#tracks.length,
      format: formatName(this.#decoder?.format ?? null),
      accounting: sumAccounts(accounts),
      warnings: [
        ...(this.#decoder?.warnings ?? []),
        ...(unlisted === 0
          ? []
          : [
              {
                code: 'skipped_unlisted',
                message: `${String(unlisted)} more stretches were skipped as too short than are listed; they count as non-speech.`,
              },
            ]),
      ],
      decodeMs: this.#decodeMs,
      detectMs: this.#tracks.reduce((sum, track) => sum + track.detectMs, 0),
      chunks: this.#chunks,
    };
  }

  /** Numbers the chunks of all channels by the moment of the recording at which each was complete, so that the order does not depend on the pieces. */
  #number(ready: ReadyChunk[], chunks: ReadChunk[]): void {
    ready.sort(
      (a, b) =>
        a.atSamples - b.atSamples ||
        (a.chunk.spans[0]?.startMs ?? 0) - (b.chunk.spans[0]?.startMs ?? 0) ||
        a.chunk.channel - b.chunk.channel,
    );
    for (const { chunk, pcm } of ready) chunks.push({ chunk: { ...chunk, index: this.#chunks++ }, pcm });
  }
}

/** `container/codec`, for example `wav/pcm_s16le`, or one word where both are the same. */
export function formatName(format: { readonly container: string; readonly codec: string } | null): string {
  if (format === null) return 'unknown';
  return format.codec === format.container ? format.container : `${format.container}/${format.codec}`;
}

/** Lets the thread take the messages that have arrived meanwhile. */
function othersTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
