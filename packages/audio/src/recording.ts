import type { ChannelMode, ChunkPolicy, DetectOptions, PlannedChunk, RecordingSummary } from '@murmuration/contracts';

/** Bounds on what a recording may be. */
export interface RecordingLimits {
  /** Longer recordings are refused with `audio_too_long`. Milliseconds. */
  readonly maxDurationMs: number;
  /** More channels are refused with `unprocessable_audio`. */
  readonly maxChannels: number;
}

/** A recording as it arrives, and how it is to be cut. */
export interface RecordingInput {
  /** Bytes of the file, in order; read only as fast as they are worked on. */
  readonly source: AsyncIterable<Uint8Array>;
  /** Media type of the body, or null: a hint only, the bytes decide. */
  readonly contentType: string | null;
  /** Extension of the file's name without the dot, or null: a hint only. */
  readonly extension: string | null;
  readonly channels: ChannelMode;
  /** Which audio track, counted from 0; null or none: the file's default. */
  readonly track?: number | null;
  readonly detect: DetectOptions;
  readonly policy: ChunkPolicy;
  readonly limits: RecordingLimits;
  /** Aborting stops everything and frees what was spooled. */
  readonly signal: AbortSignal;
}

/** What reading a recording gives: chunks in order of index, then one end. `pcm` is signed 16-bit little endian, mono, 16 kHz, owned by the receiver. */
export type RecordingEvent =
  | { readonly type: 'chunk'; readonly chunk: PlannedChunk; readonly pcm: Uint8Array }
  | { readonly type: 'end'; readonly summary: RecordingSummary };
