import { transform200 } from './complex-fft-200.js';

/** Samples of a window. */
export const WINDOW_SAMPLES = 400;
/** Frequencies of its spectrum: 0 to 8 kHz in steps of 40 Hz. */
export const SPECTRUM_BINS = 201;

const HALF = WINDOW_SAMPLES / 2;

const window = Float64Array.from({ length: WINDOW_SAMPLES }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / WINDOW_SAMPLES));
const turnCos = Float64Array.from({ length: HALF + 1 }, (_, k) => Math.cos((2 * Math.PI * k) / WINDOW_SAMPLES));
const turnSin = Float64Array.from({ length: HALF + 1 }, (_, k) => -Math.sin((2 * Math.PI * k) / WINDOW_SAMPLES));

const re = new Float64Array(HALF);
const im = new Float64Array(HALF);

/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices run over the fixed 400 samples and 201 bins; checks would slow the hottest loop of the features */

/**
 * Squared magnitude of the Fourier transform of 400 samples under a periodic Hann window.
 * @param samples read from `offset` on; 400 of them must be there
 * @param power receives 201 values
 */
export function powerSpectrum(samples: Float32Array, offset: number, power: Float64Array): void {
  for (let n = 0; n < HALF; n++) {
    re[n] = samples[offset + 2 * n]! * window[2 * n]!;
    im[n] = samples[offset + 2 * n + 1]! * window[2 * n + 1]!;
  }
  transform200(re, im);
  // Two real transforms ran as one complex one: even samples in the real part, odd ones in the imaginary. Take them apart and turn the odd half.
  for (let k = 0; k <= HALF; k++) {
    const a = k === HALF ? 0 : k;
    const b = k === 0 ? 0 : HALF - k;
    const evenRe = 0.5 * (re[a]! + re[b]!), evenIm = 0.5 * (im[a]! - im[b]!);
    const oddRe = 0.5 * (im[a]! + im[b]!), oddIm = 0.5 * (re[b]! - re[a]!);
    const spectrumRe = evenRe + oddRe * turnCos[k]! - oddIm * turnSin[k]!;
    const spectrumIm = evenIm + oddRe * turnSin[k]! + oddIm * turnCos[k]!;
    power[k] = spectrumRe * spectrumRe + spectrumIm * spectrumIm;
  }
}
