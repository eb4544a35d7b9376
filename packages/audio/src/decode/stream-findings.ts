/** What the form of a stream tells of it. Complete once all its bytes were seen. */
export interface StreamFindings {
  /** The stream ends in the middle of something, or before the end that it declares. */
  readonly truncated: boolean;
  /** Bytes before the end are nothing that the container holds, or parts of it are missing. */
  readonly damaged: boolean;
}

/** Takes out of a stream what is no sound: tags between frames and behind them, and the headers of files that were joined to it. */
export interface StreamCleaner extends StreamFindings {
  /** The bytes that are kept, in order. */
  push(bytes: Uint8Array): Uint8Array[];
  finish(): Uint8Array[];
  /** Length that the headers of joined files declare. Milliseconds. */
  readonly joinedMs: number;
  /** Packets that ffmpeg takes for damage and that are none. */
  readonly harmlessPackets: number;
}

/** What a cleaner found in a stream that it let through. */
export type CleanerFindings = Pick<StreamCleaner, 'truncated' | 'damaged' | 'joinedMs' | 'harmlessPackets'>;

/** Follows the bytes that go to ffmpeg, for what ffmpeg does not tell of a stream. */
export interface SourceWatch extends StreamFindings {
  push(bytes: Uint8Array): void;
  /** Packets that ffmpeg takes for damage and that are none. */
  readonly harmlessPackets: number;
  /** Time in the file of a sound that ffmpeg gives this time, where that is another. Milliseconds. */
  readonly fileMs?: (ms: number) => number;
}
