import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { findFfmpeg, type FfmpegProgram } from '../ffmpeg-command.js';
import { openDecoding, type OpenedDecoding } from '../open-decoding.js';

/** For tests: the same recording in many formats, made at run time. */

export const LIMITS = { maxDurationMs: 3_600_000, maxChannels: 8 } as const;

/** The system's ffmpeg, or null: tests that need it skip. */
export const ffmpeg = await findFfmpeg({ ffmpegPath: null, searchPath: process.env['PATH'] ?? '' });
export const WITHOUT_FFMPEG = ffmpeg === null ? 'ffmpeg is not installed on this machine' : false;

/** Random numbers in [0, 1) that are the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A sound with the spectrum and rhythm of a voice: a gliding pitch with overtones below 3 kHz, in syllables. The channels differ. */
export function voice(seconds: number, rateHz: number, channels: number): Float32Array[] {
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(Math.round(seconds * rateHz));
    let phase = 0;
    for (let i = 0; i < samples.length; i++) {
      const at = i / rateHz;
      const pitchHz = 140 + channel * 70 + 40 * Math.sin(at * 1.9 + channel) + 15 * Math.sin(at * 7.3);
      phase += (2 * Math.PI * pitchHz) / rateHz;
      const syllable = 0.5 + 0.5 * Math.sin(at * 2 * Math.PI * (3.1 + channel));
      samples[i] =
        0.3 *
        syllable *
        (Math.sin(phase) + 0.5 * Math.sin(2 * phase) + 0.3 * Math.sin(5 * phase) + 0.2 * Math.sin(9 * phase));
    }
    return samples;
  });
}

/** A wav file of 32-bit floats. */
export function wavFile(planar: readonly Float32Array[], rateHz: number): Uint8Array {
  const channels = planar.length;
  const frames = planar[0]?.length ?? 0;
  const body = new Float32Array(frames * channels);
  for (const [channel, samples] of planar.entries())
    for (let i = 0; i < frames; i++) body[i * channels + channel] = samples[i] ?? 0;
  return wavWith({ tag: 3, bits: 32, rateHz, channels }, new Uint8Array(body.buffer));
}

/** A wav file around any data. @param dataBytes what the data chunk claims, unless it tells the truth */
export function wavWith(
  format: { tag: number; bits: number; rateHz: number; channels: number },
  data: Uint8Array,
  dataBytes = data.length,
): Uint8Array {
  const file = new Uint8Array(44 + data.length);
  const view = new DataView(file.buffer);
  const text = (at: number, four: string): void => {
    for (let i = 0; i < 4; i++) file[at + i] = four.charCodeAt(i);
  };
  const frameBytes = Math.ceil(format.bits / 8) * format.channels;
  text(0, 'RIFF');
  view.setUint32(4, file.length - 8, true);
  text(8, 'WAVE');
  text(12, 'fmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, format.tag, true);
  view.setUint16(22, format.channels, true);
  view.setUint32(24, format.rateHz, true);
  view.setUint32(28, (format.rateHz * frameBytes) >>> 0, true);
  view.setUint16(32, frameBytes & 0xffff, true);
  view.setUint16(34, format.bits, true);
  text(36, 'data');
  view.setUint32(40, dataBytes, true);
  file.set(data, 44);
  return file;
}

/** The same recording as ffmpeg encodes it. @param argv output options @param extension names the muxer */
export function encodedTwin(
  wav: Uint8Array,
  argv: readonly string[],
  extension: string,
  input: readonly string[] = [],
): Uint8Array {
  if (ffmpeg === null) throw new Error('encoding needs ffmpeg');
  const folder = mkdtempSync(join(tmpdir(), 'murmuration-test-'));
  try {
    const from = join(folder, 'in.wav');
    const to = join(folder, `out.${extension}`);
    writeFileSync(from, wav);
    execFileSync(ffmpeg.path, ['-nostdin', '-loglevel', 'error', ...input, '-i', from, ...argv, '-y', to]);
    return new Uint8Array(readFileSync(to));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Bytes as they might arrive. @param sizeBytes of each piece */
export async function* inPieces(bytes: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  const shared = Buffer.from(bytes);
  for (let at = 0; at < shared.length; at += sizeBytes) {
    await Promise.resolve();
    yield shared.subarray(at, at + sizeBytes);
  }
}

/** All of a stream of tracks, one array a track. */
export async function collected(pcm: AsyncIterable<Float32Array[]>): Promise<Float32Array[]> {
  const pieces: Float32Array[][] = [];
  for await (const piece of pcm) pieces.push(piece);
  return joinedPieces(pieces);
}

/** Pieces of tracks as one array a track. */
export function joinedPieces(pieces: readonly Float32Array[][]): Float32Array[] {
  const tracks = Math.max(0, ...pieces.map((piece) => piece.length));
  return Array.from({ length: tracks }, (_, track) => {
    const parts = pieces.map((piece) => piece[track] ?? new Float32Array(0));
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  });
}

/** Correlation of two signals (1 is the same shape) where `other` may lag by some samples: the lag is found on their beginnings. */
export function correlation(reference: Float32Array, other: Float32Array, maxLagSamples: number): number {
  let best = -1;
  let bestLag = 0;
  for (let lag = -maxLagSamples; lag <= maxLagSamples; lag++) {
    const alike = correlationAt(reference, other, lag, 4_000);
    if (alike <= best) continue;
    best = alike;
    bestLag = lag;
  }
  return correlationAt(reference, other, bestLag, Infinity);
}

function correlationAt(reference: Float32Array, other: Float32Array, lag: number, samples: number): number {
  let product = 0;
  let first = 0;
  let second = 0;
  const end = Math.min(reference.length, other.length - lag, samples);
  for (let i = Math.max(0, -lag); i < end; i++) {
    const a = reference[i] ?? 0;
    const b = other[i + lag] ?? 0;
    product += a * b;
    first += a * a;
    second += b * b;
  }
  return first > 0 && second > 0 ? product / Math.sqrt(first * second) : -1;
}

/** Bytes that are in use after garbage is collected; twice, as some of it is only let go between turns of the loop. */
export async function bytesInUse(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  await setImmediate();
  collect();
  const usage = process.memoryUsage();
  return usage.heapUsed + usage.arrayBuffers;
}

/** Opens a file that comes in pieces of so many bytes, mixed to one channel unless `options` say otherwise, with ffmpeg or (null) without. */
export function opened(
  bytes: Uint8Array,
  program: FfmpegProgram | null,
  pieceBytes = 3_001,
  options: Partial<Parameters<typeof openDecoding>[1]> = {},
): Promise<OpenedDecoding> {
  return openDecoding(inPieces(bytes, pieceBytes), {
    channels: 'mix',
    limits: LIMITS,
    signal: new AbortController().signal,
    ffmpeg: program,
    spoolDir: tmpdir(),
    maxSpoolBytes: 50_000_000,
    ...options,
  });
}
