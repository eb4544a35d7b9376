/** What a decoder found in the file's header. */
export interface SourceFormat {
  /** Container, for example `wav`. */
  readonly container: string;
  /** Codec as far as known, for example `pcm_s16le`. */
  readonly codec: string;
  readonly sampleRateHz: number;
  readonly channels: number;
}

/** Turns bytes into planar PCM at 16 kHz, [-1, 1], piece by piece; memory does not grow with the file. Synchronous, so that it runs in any thread. */
export interface StreamDecoder {
  /** One array a channel, all of one length, perhaps empty. Throws `AsrError` `unprocessable_audio` or `audio_too_long`. */
  push(bytes: Uint8Array): Float32Array[];
  /** What is left at the end. Throws `unprocessable_audio` when there was no audio at all. */
  finish(): Float32Array[];
  /** Null until the header was read. */
  readonly format: SourceFormat | null;
  /** What was wrong with the file but did not stop the decoder. */
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}
