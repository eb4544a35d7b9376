import { powerSpectrum, SPECTRUM_BINS, WINDOW_SAMPLES } from './power-spectrum.js';

/** Triangular filters kept without their zeros: filter `m` is `weights[first[m]…]` over the spectrum from bin `bin[m]`, `first[m + 1] - first[m]` long. */
export interface MelFilters {
  readonly count: number;
  readonly bin: Int32Array;
  readonly first: Int32Array;
  readonly weights: Float64Array;
}

const NYQUIST_HZ = 8_000;

/** Slaney's mel scale (Auditory Toolbox, 1998): linear to 1 kHz, logarithmic above. */
function melOfHz(hz: number): number {
  return hz < 1_000 ? (3 * hz) / 200 : 15 + (Math.log(hz / 1_000) * 27) / Math.log(6.4);
}

function hzOfMel(mel: number): number {
  return mel < 15 ? (200 * mel) / 3 : 1_000 * Math.exp(((mel - 15) * Math.log(6.4)) / 27);
}

/** The filters that Whisper was trained with: 0 to 8 kHz, each of unit area (Slaney's norm). @param count 80 or 128 */
export function melFilters(count: number): MelFilters {
  const topMel = melOfHz(NYQUIST_HZ);
  const edgesHz = Array.from({ length: count + 2 }, (_, i) => hzOfMel((topMel * i) / (count + 1)));
  const bin = new Int32Array(count);
  const first = new Int32Array(count + 1);
  const weights: number[] = [];
  for (let m = 0; m < count; m++) {
    const [low, middle, high] = edgesHz.slice(m, m + 3) as [number, number, number];
    let started = false;
    for (let k = 0; k < SPECTRUM_BINS; k++) {
      const hz = (k * NYQUIST_HZ) / (SPECTRUM_BINS - 1);
      const weight = Math.min((hz - low) / (middle - low), (high - hz) / (high - middle)) * (2 / (high - low));
      if (weight <= 0) continue;
      if (!started) bin[m] = k;
      started = true;
      weights.push(weight);
    }
    first[m + 1] = weights.length;
  }
  return { count, bin, first, weights: Float64Array.from(weights) };
}

/** Samples from one frame to the next: 10 ms. */
export const HOP_SAMPLES = 160;
/** Frames the encoder takes: 30 s. */
export const WINDOW_FRAMES = 3_000;
/** Samples of the encoder's window: 30 s. */
export const WINDOW_AUDIO_SAMPLES = WINDOW_FRAMES * HOP_SAMPLES;

const FLOOR = 1e-10;
const DYNAMIC_RANGE = 8;

/** Log-mel features of a chunk: `values[m * frames + t]`, frame `t` at `t` × 10 ms. */
export interface LogMel {
  readonly mels: number;
  readonly frames: number;
  /** Frames that hold audio; the rest is the silence it was padded with. */
  readonly contentFrames: number;
  readonly values: Float32Array;
}

/**
 * Computes Whisper's features as the reference does (transformers' WhisperFeatureExtractor): audio padded with zeros to 30 s
 * and mirrored at its ends, 400-point Hann windows every 160 samples, Slaney mel filters, log10, at most 8 below the loudest, (x + 4) / 4.
 */
export class LogMelExtractor {
  readonly #filters: MelFilters;
  readonly #power = new Float64Array(SPECTRUM_BINS);

  /** @param mels 80, or 128 for large-v3 and its children */
  constructor(mels: number) {
    this.#filters = melFilters(mels);
  }

  /** @param pcm mono, 16 kHz, [-1, 1]; longer than 30 s gives more frames than a window holds */
  extract(pcm: Float32Array): LogMel {
    const contentFrames = Math.ceil(pcm.length / HOP_SAMPLES);
    const frames = Math.max(WINDOW_FRAMES, contentFrames);
    const mels = this.#filters.count;
    const values = new Float32Array(mels * frames);
    const padded = mirrored(pcm, frames * HOP_SAMPLES);
    // A frame whose window lies wholly in the padding has no energy: its logarithm is that of the floor, no transform needed.
    const soundingFrames = Math.min(frames, Math.ceil((pcm.length + WINDOW_SAMPLES / 2) / HOP_SAMPLES));
    let loudest = Math.log10(FLOOR);
    for (let t = 0; t < soundingFrames; t++) {
      powerSpectrum(padded, t * HOP_SAMPLES, this.#power);
      loudest = Math.max(loudest, this.#writeFrame(values, frames, t));
    }
    const silence = Math.log10(FLOOR);
    const quietest = loudest - DYNAMIC_RANGE;
    for (let m = 0; m < mels; m++) {
      const row = values.subarray(m * frames, (m + 1) * frames);
      row.fill((Math.max(silence, quietest) + 4) / 4, soundingFrames);
      for (let t = 0; t < soundingFrames; t++) {
        const value = row[t] ?? silence;
        row[t] = ((value > quietest ? value : quietest) + 4) / 4;
      }
    }
    return { mels, frames, contentFrames, values };
  }

  /** Writes the logarithms of frame `t` and returns the largest. */
  #writeFrame(values: Float32Array, frames: number, t: number): number {
    const { count, bin, first, weights } = this.#filters;
    let loudest = -Infinity;
    for (let m = 0; m < count; m++) {
      let sum = 0;
      const from = first[m] ?? 0;
      const to = first[m + 1] ?? 0;
      const shift = (bin[m] ?? 0) - from;
      for (let i = from; i < to; i++) sum += (weights[i] ?? 0) * (this.#power[i + shift] ?? 0);
      const value = Math.log10(sum > FLOOR ? sum : FLOOR);
      values[m * frames + t] = value;
      if (value > loudest) loudest = value;
    }
    return loudest;
  }
}

/** The samples padded with zeros to `length`, with half a window mirrored before and after. */
function mirrored(pcm: Float32Array, length: number): Float32Array {
  const half = WINDOW_SAMPLES / 2;
  const padded = new Float32Array(length + WINDOW_SAMPLES);
  padded.set(pcm.length > length ? pcm.subarray(0, length) : pcm, half);
  for (let n = 1; n <= half; n++) {
    padded[half - n] = padded[half + n] ?? 0;
    padded[half + length - 1 + n] = padded[half + length - 1 - n] ?? 0;
  }
  return padded;
}

/**
 * Copies the encoder's window of `windowFrames` that begins at frame `start` of `mel` to `target` from `offset` on: `mels` × `windowFrames` values.
 * Past the end of the features, or past the frame `end`, the window is filled with 0, as the reference does when it seeks.
 */
export function copyWindow(
  mel: LogMel,
  start: number,
  target: Float32Array,
  offset: number,
  end = mel.frames,
  windowFrames = WINDOW_FRAMES,
): void {
  const length = Math.min(windowFrames, Math.min(end, mel.frames) - start);
  for (let m = 0; m < mel.mels; m++) {
    const to = offset + m * windowFrames;
    target.set(mel.values.subarray(m * mel.frames + start, m * mel.frames + start + length), to);
    target.fill(0, to + length, to + windowFrames);
  }
}

/** Windows are as long as their speech on this grid, so that chunks of about one length share batches, … */
export const WINDOW_GRID_MS = 5_000;
const GRID_FRAMES = WINDOW_GRID_MS / 10;
/**
 * … and silence. The model was trained on windows filled up to 30 s: with 4 s of silence and less tiny.en begins to say whole sentences twice.
 * What it says twice or doubtfully all the same is written again over 30 s (see `ChunkTask.distrusts`).
 */
const SILENCE_FRAMES = 600;

/** Frames of the encoder's window for so many frames of audio. */
export function windowFramesFor(audioFrames: number): number {
  return Math.min(WINDOW_FRAMES, Math.ceil(audioFrames / GRID_FRAMES) * GRID_FRAMES + SILENCE_FRAMES);
}
