import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ChunkPolicy, DetectOptions } from '@murmuration/contracts';
import { LIMITS, joinedPieces } from '../decode/testing/encoded-twins.js';
import { createBoundedDecoder } from '../decode/bounded-decoder.js';
import { vadModelFiles } from '../detect/silero-weights.js';

// What the tests of detection and planning listen to.

const ROOT = new URL('../../../../', import.meta.url);
const RECORDINGS = new URL('../shared/audio/', ROOT);

/** The detector's file where set-up puts it. */
export const VAD_MODEL_PATH = fileURLToPath(new URL(`.murmuration/models/${vadModelFiles[0].place}`, ROOT));
/** Reason to skip, or false. */
export const WITHOUT_MODEL = existsSync(VAD_MODEL_PATH)
  ? false
  : 'the voice detection model was not fetched (npm start fetches it)';
/** Reason to skip, or false. */
export const WITHOUT_RECORDINGS =
  WITHOUT_MODEL === false && !existsSync(RECORDINGS)
    ? 'the sample recordings lie in ../shared/audio, which is absent'
    : WITHOUT_MODEL;

/** The defaults of the contract. */
export const DETECT: DetectOptions = {
  vad: true,
  threshold: 0.5,
  minSpeechMs: 100,
  minSilenceMs: 400,
  paddingMs: 200,
  gateRms: 0.005,
  gateZeroCrossings: 50,
};
export const POLICY: ChunkPolicy = {
  sampleRateHz: 16_000,
  maxChunkMs: 15_000,
  targetChunkMs: 10_000,
  packGapMs: 0,
  gridMs: 500,
  overlapMs: 1_000,
};

/** Bytes of a sample recording. */
export function recordingBytes(file: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(file, RECORDINGS)));
}

/** A sample wav as planar PCM at 16 kHz. */
function recordingPcm(file: string, channels: 'mix' | 'split' = 'mix'): Float32Array[] {
  const decoder = createBoundedDecoder('wav', { channels, limits: LIMITS });
  const pcm = decoder.push(recordingBytes(file));
  return joinedPieces([pcm, decoder.finish()]);
}

/** One channel of a sample wav. */
export function recordingChannel(file: string, channel = 0): Float32Array {
  return recordingPcm(file, channel === 0 ? 'mix' : 'split')[channel] ?? new Float32Array(0);
}

/** White noise of a root mean square, full scale 1. */
export function noise(samples: number, rms: number, random: () => number): Float32Array {
  return Float32Array.from({ length: samples }, () => (random() * 2 - 1) * rms * Math.sqrt(3));
}

/** A tone: few zero crossings where it is low. */
export function tone(samples: number, frequencyHz: number, rms: number): Float32Array {
  return Float32Array.from(
    { length: samples },
    (_, index) => Math.sin((2 * Math.PI * frequencyHz * index) / 16_000) * rms * Math.SQRT2,
  );
}

/** Stretches one behind the other. */
export function concatenated(...parts: readonly Float32Array[]): Float32Array {
  return joinedPieces(parts.map((part) => [part]))[0] ?? new Float32Array(0);
}
