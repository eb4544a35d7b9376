import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRandom } from '../decoding/token-chooser.js';
import { powerSpectrum, SPECTRUM_BINS, WINDOW_SAMPLES } from './power-spectrum.js';

describe('powerSpectrum', () => {
  test('It equals the Fourier transform summed term by term under a periodic Hann window', () => {
    const random = seededRandom(1);
    const samples = Float32Array.from({ length: WINDOW_SAMPLES + 7 }, () => random() - 0.5);
    const power = new Float64Array(SPECTRUM_BINS);
    powerSpectrum(samples, 7, power);
    for (let k = 0; k < SPECTRUM_BINS; k++) {
      let re = 0;
      let im = 0;
      for (let n = 0; n < WINDOW_SAMPLES; n++) {
        const value = (samples[n + 7] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / WINDOW_SAMPLES));
        re += value * Math.cos((2 * Math.PI * k * n) / WINDOW_SAMPLES);
        im += value * Math.sin((2 * Math.PI * k * n) / WINDOW_SAMPLES);
      }
      assert.ok(Math.abs((power[k] ?? NaN) - re * re - im * im) < 1e-9, `bin ${String(k)}`);
    }
  });
});
