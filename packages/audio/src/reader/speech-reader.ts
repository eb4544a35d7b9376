import { AsrError } from '@murmuration/contracts/errors';
import { DetectionThreads } from '../detect/detection-threads.js';
import type { FfmpegProgram } from '../decode/ffmpeg-command.js';
import { openDecoding } from '../decode/open-decoding.js';
import type { RecordingEvent, RecordingInput } from '../recording.js';
import { SPEECH_READER_THREAD, type SpeechReaderMethods } from './thread-recording.js';
import { SpeechReaderRun } from './reader-run.js';

export interface SpeechReaderOptions {
  /** Threads for decoding and detection; one core's worth each. */
  readonly threads: number;
  /** File of Silero VAD (`vadModelFiles` says which). */
  readonly vadModelPath: string;
  /** Existing folder for recordings that must be on disk before they can be decoded. */
  readonly spoolDir: string;
  /** Largest recording that is put there. Bytes. */
  readonly maxSpoolBytes: number;
  /** From `findFfmpeg`, or null: formats that need it are refused. */
  readonly ffmpeg: FfmpegProgram | null;
}

/** Reads recordings into speech chunks, off the caller's thread, any number at a time. */
export class SpeechReader {
  readonly #options: Omit<SpeechReaderOptions, 'threads' | 'vadModelPath'>;
  readonly #threads: DetectionThreads<SpeechReaderMethods>;
  readonly #runs = new Set<SpeechReaderRun>();

  /** @param threads owned by the reader: `close` ends them */
  constructor(
    options: Omit<SpeechReaderOptions, 'threads' | 'vadModelPath'>,
    threads: DetectionThreads<SpeechReaderMethods>,
  ) {
    this.#options = options;
    this.#threads = threads;
  }

  /** Starts the threads and loads the detector in each. Throws when the model is missing or is no Silero VAD file. */
  static async start(options: SpeechReaderOptions): Promise<SpeechReader> {
    return new SpeechReader(
      options,
      await DetectionThreads.start<SpeechReaderMethods>(SPEECH_READER_THREAD, options.threads, options.vadModelPath),
    );
  }

  /**
   * Chunks of a recording as soon as they are complete, then one end. The source is read only as fast as events are pulled; leaving early stops everything.
   * Throws what the source throws, else `AsrError`: `unprocessable_audio`, `audio_too_long`, `decoder_unavailable`, `empty_file` (the bytes), `invalid_field` (a `track` that the file lacks),
   * `cancelled` (the signal; its reason when that is an `AsrError`), `shutting_down` (`close`), `internal` (a thread died).
   */
  async *read(input: RecordingInput): AsyncGenerator<RecordingEvent, void, void> {
    // Whatever ends the reading also ends a decoder outside the thread, even one that waits for a source that is stuck.
    const ended = new AbortController();
    const signal = AbortSignal.any([input.signal, ended.signal]);
    try {
      const { source, channels, limits, track = null } = input;
      const { spoolDir, maxSpoolBytes, ffmpeg } = this.#options;
      const decoding = await openDecoding(source, { channels, track, limits, signal, spoolDir, maxSpoolBytes, ffmpeg });
      yield* this.#follow(new SpeechReaderRun(input, decoding), input.signal);
    } finally {
      ended.abort();
    }
  }

  /** Ends all threads; recordings in progress fail with `shutting_down`. */
  async close(): Promise<void> {
    for (const run of this.#runs) run.fail(new AsrError('shutting_down'));
    await this.#threads.close();
  }

  async *#follow(run: SpeechReaderRun, signal: AbortSignal): AsyncGenerator<RecordingEvent, void, void> {
    const onAbort = (): void => {
      run.fail(signal.reason instanceof AsrError ? signal.reason : new AsrError('cancelled'));
    };
    this.#runs.add(run);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      yield* run.events(this.#threads);
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#runs.delete(run);
      run.close();
    }
  }
}
