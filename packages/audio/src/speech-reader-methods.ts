import type { ChannelMode, ChunkPolicy, DetectOptions, PlannedChunk, RecordingSummary } from '@murmuration/contracts';
import type { Transferred } from '@murmuration/runtime';
import type { BoundedContainer } from './decode/container.js';
import type { RecordingLimits } from './recording.js';

/** The module of the threads. */
export const SPEECH_READER_THREAD = new URL('./speech-reader-thread.js', import.meta.url);

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
  readonly content: { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly pcm: readonly Float32Array<ArrayBuffer>[] };
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
