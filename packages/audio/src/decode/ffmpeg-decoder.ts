import { SAMPLE_RATE_HZ } from '@murmuration/contracts/audio-format';
import { AsrError } from '@murmuration/contracts/errors';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import {
  abortable,
  abortError,
  DEFAULT_STALL_MS,
  noSuchTrack,
  toldError,
  type ExternalDecodeOptions,
  type ExternalDecoding,
  type SourceFormat,
  type StreamDecoder,
} from './external-decoding.js';
import { matroskaDefaultTrack, mp4DefaultTrack } from './audio-track.js';
import { createBoundedDecoder } from './bounded-decoder.js';
import type { Container } from './container.js';
import { endingWarnings, type DecodeWarning } from './stream-findings.js';
import { FfmpegChild, type ChildExit } from './ffmpeg-child.js';
import { ffmpegCommand, TIMED, type FfmpegProgram } from './ffmpeg-command.js';
import { Mp3Opening } from './mpeg-frame.js';
import { watchOf } from './source-watch.js';
import { spool } from './spool-file.js';
import { TimedPcmReader } from './timed-pcm-reader.js';
import { unfolded, type TimedPart } from './timed-shaper.js';

/** Further options of decoding with ffmpeg. */
export interface FfmpegDecodeOptions extends ExternalDecodeOptions {
  readonly ffmpeg: FfmpegProgram;
  /** Existing folder for containers whose index may come last. */
  readonly spoolDir: string;
  /** Largest spooled file; a larger one is refused with `file_too_large`. Bytes. */
  readonly maxSpoolBytes: number;
}

/** Containers whose index may come after the sound, so that ffmpeg has to seek. */
const SPOOLED: ReadonlySet<Container> = new Set<Container>(['mp4', 'caf']);

/** Containers whose clock begins anywhere, so that its beginning is that of their earliest track; the clock of others begins at 0. */
const FREE_CLOCK: ReadonlySet<Container> = new Set<Container>(['mpegts', 'mpeg']);

/** Decodes with the system's ffmpeg as a locked-down child, one a recording. Reads the source only as fast as the PCM is taken. */
export function decodeWithFfmpeg(source: AsyncIterable<Uint8Array>, options: FfmpegDecodeOptions): ExternalDecoding {
  const run = new FfmpegRun(options);
  return { pcm: run.pcm(abortable(source, options.signal)), format: () => run.format(), warnings: () => run.warnings };
}

/** spooling (only some containers) → decoding → ended; the child and the spooled file are gone in every ending. */
class FfmpegRun {
  readonly warnings: DecodeWarning[] = [];
  readonly #options: FfmpegDecodeOptions;
  readonly #decoder: StreamDecoder | TimedPcmReader;
  readonly #opening = new Mp3Opening();
  readonly #watch;
  #child: FfmpegChild | null = null;
  #samples = 0;

  constructor(options: FfmpegDecodeOptions) {
    this.#options = options;
    const { channels, limits } = options;
    this.#watch = watchOf(options.container, options.track ?? 0);
    this.#decoder = TIMED.has(options.container)
      ? new TimedPcmReader(channels, limits, this.#watch?.fileMs)
      : createBoundedDecoder('wav', { channels, limits });
  }

  format(): SourceFormat | null {
    const decoded = this.#decoder.format;
    if (decoded === null) return null;
    const report = this.#child?.report;
    return {
      container: this.#options.container,
      codec: report?.codec ?? 'unknown',
      sampleRateHz: report?.sampleRateHz ?? decoded.sampleRateHz,
      channels: decoded.channels,
    };
  }

  async *pcm(source: AsyncIterable<Uint8Array>): AsyncGenerator<Float32Array[]> {
    const { container, spoolDir, maxSpoolBytes, signal, track = null } = this.#options;
    if (signal.aborted) throw abortError(signal);
    if (track === null && (container === 'matroska' || container === 'webm')) {
      const opened = await matroskaDefaultTrack(this.#watched(source));
      yield* this.#decode(opened.whole, opened.track);
      return;
    }
    if (!SPOOLED.has(container)) {
      yield* this.#decode(this.#watched(source), track ?? 0);
      return;
    }
    const file = await spool(this.#watched(source), spoolDir, maxSpoolBytes);
    try {
      yield* this.#decode(file.handle.fd, track ?? (container === 'mp4' ? await mp4DefaultTrack(file.handle) : 0));
    } finally {
      await file.handle.close();
    }
  }

  async *#decode(source: AsyncIterable<Uint8Array> | number, track: number): AsyncGenerator<Float32Array[]> {
    const { ffmpeg, container, limits, signal, stallMs = DEFAULT_STALL_MS } = this.#options;
    const child = new FfmpegChild(
      ffmpegCommand(ffmpeg, container, typeof source === 'number', limits, track),
      source,
      stallMs,
      track,
    );
    this.#child = child;
    const onAbort = (): void => {
      child.kill();
    };
    signal.addEventListener('abort', onAbort);
    try {
      for await (const bytes of child.output()) {
        yield* this.#counted(
          await this.#parts(
            child,
            (decoder, originMs) => decoder.push(bytes, originMs),
            (decoder) => decoder.push(bytes),
          ),
        );
      }
      this.#conclude(await child.exited());
      yield* this.#counted(
        await this.#parts(
          child,
          (decoder, originMs) => decoder.finish(originMs),
          (decoder) => decoder.finish(),
        ),
      );
      this.warnings.push(...this.#decoder.warnings);
    } catch (error) {
      throw toldError(error, signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
      child.kill();
      await child.exited().catch(leaveAlone('closing'));
    }
  }

  /** ffmpeg forgets the length that an mp3 declares when it cannot seek, so it is read on the way, and hardly tells that a file is cut. */
  async *#watched(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      if (this.#options.container === 'mp3') this.#opening.push(piece);
      this.#watch?.push(piece);
      yield piece;
    }
  }

  /** The parts that one step decodes. The origin of the clock is known before any sound, but arrives on another pipe. */
  async #parts(
    child: FfmpegChild,
    timed: (decoder: TimedPcmReader, originMs: number) => TimedPart[],
    plain: (decoder: StreamDecoder) => Float32Array[],
  ): Promise<TimedPart[]> {
    if (!(this.#decoder instanceof TimedPcmReader)) return [{ silentSamples: 0, tracks: plain(this.#decoder) }];
    if (FREE_CLOCK.has(this.#options.container)) await child.report.opened;
    return timed(this.#decoder, FREE_CLOCK.has(this.#options.container) ? (child.report.startMs ?? 0) : 0);
  }

  *#counted(parts: readonly TimedPart[]): Generator<Float32Array[]> {
    for (const part of parts) {
      this.#samples += part.tracks[0]?.length ?? 0;
      yield* unfolded(part);
    }
  }

  /** Judges the ending. Throws unless there is audio to keep. */
  #conclude(exit: ChildExit): void {
    const { container, signal, cleaner } = this.#options;
    const report = this.#child?.report;
    if (signal.aborted) throw abortError(signal);
    if (exit.stalled || exit.signal === 'SIGXCPU' || exit.signal === 'SIGKILL')
      throw new AsrError(
        'unprocessable_audio',
        'The file could not be decoded within the limits of time and memory. Check the file by playing it.',
      );
    if (report?.noTrack === true && report.audioTracks > 0) throw noSuchTrack(report.audioTracks);
    if (this.#samples === 0) {
      throw new AsrError(
        'unprocessable_audio',
        report?.noTrack === true
          ? `The ${container} file holds no sound track.`
          : `The ${container} file holds no audio that can be decoded. Check the file by playing it.`,
      );
    }
    // Other containers declare the length of the longest track, not of the sound.
    const firstMs = container === 'flac' ? (report?.declaredMs ?? null) : this.#opening.declaredMs;
    this.warnings.push(
      ...endingWarnings({
        container,
        declaredMs: firstMs === null ? null : firstMs + (cleaner?.joinedMs ?? 0),
        decodedMs: (this.#samples * 1_000) / SAMPLE_RATE_HZ,
        truncated:
          exit.code !== 0 || report?.partial === true || this.#watch?.truncated === true || cleaner?.truncated === true,
        damaged: this.#watch?.damaged === true || cleaner?.damaged === true || (report?.wrongSums ?? 0) > 0,
        faults: (report?.faults ?? 0) - (this.#watch?.harmlessPackets ?? 0) - (cleaner?.harmlessPackets ?? 0),
      }),
    );
  }
}
