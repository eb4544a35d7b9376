import type { ChannelMode } from '@murmuration/contracts';
import { AsrError } from '@murmuration/contracts/errors';
import { Transferred, serveThread, threadData } from '@murmuration/runtime/thread';
import type { RecordingLimits } from '../recording.js';
import { AmrReader, FlacReader, Mp3Reader } from './bare-readers.js';
import type { Container } from './container.js';
import { endingWarnings, type CleanerFindings, type DecodeWarning } from './stream-findings.js';
import type { SourceFormat } from './external-decoding.js';
import { MatroskaReader } from './matroska-reader.js';
import { OggReader } from './ogg-reader.js';
import type { DecodedPiece, WasmReader } from './packet-codec.js';
import { TimedShaper, type TimedPart } from './timed-shaper.js';
import { concatTracks } from './track-shaper.js';

/** What the thread is told at its start. */
export interface WasmThreadData {
  readonly container: Container;
  readonly channels: ChannelMode;
  readonly limits: RecordingLimits;
  /** See `ExternalDecodeOptions`. */
  readonly track: number | null;
}

/** What a call gives. */
export interface WasmAnswer {
  /** Owned by the caller. */
  readonly parts: readonly TimedPart[];
  readonly format: SourceFormat | null;
  readonly warnings: readonly DecodeWarning[];
}

/** Methods of the thread: pieces in order, then `finish` once. */
export type WasmThreadMethods = {
  push: (bytes: Uint8Array) => Promise<Transferred<WasmAnswer>>;
  /** @param found see `ExternalDecodeOptions` */
  finish: (found: CleanerFindings) => Promise<Transferred<WasmAnswer>>;
};

/** Containers whose decoder gets the piece at which a file was cut, and takes it for damage. */
const BARE: ReadonlySet<Container> = new Set<Container>(['mp3', 'flac', 'amr']);

/** Compressed bytes decoded at once: silence in FLAC grows by a factor of 2000, and this bounds what it grows to before it is resampled. */
const SLICE_BYTES = 4_096;

// The decoders print what they find wrong with a file; that is told as a warning, and a log holds nothing of a client's file.
Object.assign(console, { error: () => undefined, warn: () => undefined });

const { container, channels, limits, track } = threadData() as WasmThreadData;
const reader = readerOf(container);
const shaper = new TimedShaper(channels, limits);
let format: SourceFormat | null = null;

serveThread({
  push: async (bytes) => {
    const parts: TimedPart[] = [];
    for (let at = 0; at < bytes.length; at += SLICE_BYTES)
      parts.push(...shaped(await reader.push(bytes.subarray(at, at + SLICE_BYTES))));
    return answer(parts, []);
  },
  finish: async (found) => {
    const parts = shaped(await reader.finish());
    if (!shaper.hasAudio)
      throw new AsrError(
        'unprocessable_audio',
        `The ${container} file holds no audio that can be decoded. Check the file by playing it.`,
      );
    parts.push(...shaper.finish());
    return answer(parts, [...warnings(found), ...shaper.warnings()]);
  },
} satisfies WasmThreadMethods);

function readerOf(kind: Container): WasmReader {
  switch (kind) {
    case 'mp3':
      return new Mp3Reader();
    case 'flac':
      return new FlacReader();
    case 'amr':
      return new AmrReader();
    case 'ogg':
      return new OggReader(track ?? 0);
    case 'webm':
    case 'matroska':
      return new MatroskaReader(track);
    default:
      throw new AsrError('decoder_unavailable');
  }
}

function shaped(pieces: readonly DecodedPiece[]): TimedPart[] {
  return pieces
    .filter((piece) => (piece.planar[0]?.length ?? 0) > 0)
    .flatMap((piece) => {
      format ??= {
        container,
        codec: reader.codec ?? 'unknown',
        sampleRateHz: piece.sampleRateHz,
        channels: piece.planar.length,
      };
      return shaper.push(piece);
    });
}

function warnings(found: CleanerFindings): DecodeWarning[] {
  return endingWarnings({
    container,
    declaredMs: reader.declaredMs === null ? null : reader.declaredMs + found.joinedMs,
    decodedMs: shaper.durationMs,
    truncated: reader.truncated || found.truncated,
    damaged: found.damaged || (reader.damaged && !BARE.has(container)),
    faults: reader.damaged ? 1 : 0,
  });
}

/** Parts without silence before them are joined to the one before. */
function answer(parts: readonly TimedPart[], found: readonly DecodeWarning[]): Transferred<WasmAnswer> {
  const joined: TimedPart[] = [];
  let group: TimedPart[] = [];
  const close = (): void => {
    // Copied: a decoder may hand out a view of more than the samples, and only what is told leaves.
    if (group.length > 0)
      joined.push({
        silentSamples: group[0]?.silentSamples ?? 0,
        tracks: concatTracks(group.map(({ tracks }) => tracks)).map((track) => new Float32Array(track)),
      });
    group = [];
  };
  for (const part of parts) {
    if (part.silentSamples > 0) close();
    group.push(part);
  }
  close();
  return new Transferred({ parts: joined, format, warnings: found }, [
    ...new Set(joined.flatMap(({ tracks }) => tracks.map((track) => track.buffer as ArrayBuffer))),
  ]);
}
