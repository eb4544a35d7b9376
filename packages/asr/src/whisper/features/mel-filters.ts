import { SPECTRUM_BINS } from './power-spectrum.js';

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
