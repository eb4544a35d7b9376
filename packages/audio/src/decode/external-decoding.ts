import type { ChannelMode } from '@murmuration/contracts';
import { AsrError } from '@murmuration/contracts/errors';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { RecordingLimits } from '../recording.js';
import type { Container } from './container.js';
import type { CleanerFindings, DecodeWarning } from './stream-findings.js';

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

/** A recording being decoded outside the caller's thread. */
export interface ExternalDecoding {
  /**
   * Planar PCM at 16 kHz: one array a track, all of one length, owned by the receiver. Read it once; leaving early frees everything.
   * Throws what the source throws, and `unprocessable_audio`, `audio_too_long`, `decoder_unavailable`, `file_too_large` or `storage_full` (spooling), `cancelled` (aborted).
   */
  readonly pcm: AsyncIterable<Float32Array[]>;
  /** Null until the header was read. */
  format(): SourceFormat | null;
  /** Complete once `pcm` has ended. */
  warnings(): readonly DecodeWarning[];
}

/** Options of every external decoder. */
export interface ExternalDecodeOptions {
  readonly container: Container;
  readonly channels: ChannelMode;
  /** Which audio track, counted from 0; null or none: the file's default. An index that the file lacks is refused with `invalid_field`. */
  readonly track?: number | null;
  readonly limits: RecordingLimits;
  /** Aborting ends the child or thread at once; `pcm` then throws `cancelled`. */
  readonly signal: AbortSignal;
  /** A decoder that was given bytes and neither takes more nor gives audio for so long is ended: `unprocessable_audio`. Milliseconds; default 30000. */
  readonly stallMs?: number;
  /** What the cleaner found that the source has passed, or null; read at its end. */
  readonly cleaner?: CleanerFindings | null;
}

export const DEFAULT_STALL_MS = 30_000;

/** The error after an abort: the signal's reason when that is an `AsrError`, else `cancelled`. */
export function abortError(signal: AbortSignal): AsrError {
  return signal.reason instanceof AsrError ? signal.reason : new AsrError('cancelled');
}

/** The error to report: after an abort the abort itself, because it breaks pipes and threads. */
export function toldError(error: unknown, signal: AbortSignal): unknown {
  return signal.aborted ? abortError(signal) : error;
}

/** The refusal of an audio track that the file does not have. */
export function noSuchTrack(tracks: number): AsrError {
  return new AsrError(
    'invalid_field',
    `track: the file has ${tracks === 1 ? 'one audio track, which is 0' : `${String(tracks)} audio tracks, 0 to ${String(tracks - 1)}`}.`,
    { param: 'track' },
  );
}

/** The same pieces, but waiting for one ends with `cancelled` as soon as the signal is aborted, whatever the source does. */
export async function* abortable(source: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let done = false;
  try {
    for (;;) {
      const next = await unlessAborted(iterator.next(), signal);
      if (next.done === true) {
        done = true;
        return;
      }
      yield next.value;
    }
  } finally {
    // Not awaited: a source that hangs would keep its reader from leaving.
    if (!done) void Promise.resolve(iterator.return?.()).catch(leaveAlone('closing'));
  }
}

/** Makes a new promise for each wait. Racing against one promise for the whole recording would keep every piece alive in its reactions. */
function unlessAborted<T>(wait: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(abortError(signal));
    };
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    wait.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', stop);
    });
  });
}
