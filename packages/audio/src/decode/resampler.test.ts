import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinedPieces, seededRandom } from './testing/encoded-twins.js';
import { Resampler } from './resampler.js';

function resampled(samples: Float32Array, rateHz: number, sizes: () => number): Float32Array {
  const resampler = new Resampler(rateHz, 1);
  const pieces: Float32Array[][] = [];
  for (let at = 0; at < samples.length;) {
    const size = sizes();
    pieces.push(resampler.push([samples.subarray(at, at + size)]));
    at += size;
  }
  pieces.push(resampler.finish());
  return joinedPieces(pieces)[0] ?? new Float32Array(0);
}

const tone = (hz: number, rateHz: number, seconds: number): Float32Array =>
  Float32Array.from(
    { length: Math.round(rateHz * seconds) },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / rateHz),
  );
const decibel = (signal: Float32Array): number => {
  const middle = signal.subarray(Math.floor(signal.length / 4), Math.floor((signal.length * 3) / 4));
  return (
    20 *
    Math.log10(
      Math.sqrt(middle.reduce((sum, value) => sum + value * value, 0) / middle.length) / (0.5 / Math.SQRT2) + 1e-12,
    )
  );
};

test('Every rate gives round(n * 16000 / rate) samples, whatever the sizes of the pieces', () => {
  const random = seededRandom(7);
  for (const rateHz of [
    1_000, 7_999, 8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_001, 192_000, 384_000,
  ]) {
    for (const length of [1, 2, 97, 5_003]) {
      const input = Float32Array.from({ length }, () => random() - 0.5);
      const whole = resampled(input, rateHz, () => length);
      const pieces = resampled(input, rateHz, () => 1 + Math.floor(random() * 50));
      assert.equal(
        whole.length,
        Math.round((length * 16_000) / rateHz),
        `${String(rateHz)} Hz, ${String(length)} samples`,
      );
      assert.deepEqual(pieces, whole);
    }
  }
});

test('Samples at 16 kHz pass through untouched', () => {
  const input = tone(440, 16_000, 0.1);
  assert.deepEqual(
    resampled(input, 16_000, () => 37),
    input,
  );
});

test('A tone keeps its level, phase and place at exact and at interpolated rates', () => {
  for (const rateHz of [8_000, 11_025, 22_050, 44_100, 48_000, 96_001]) {
    const output = resampled(tone(1_000, rateHz, 0.5), rateHz, () => 4_096);
    const wanted = tone(1_000, 16_000, 0.5);
    let worst = 0;
    for (let i = 500; i < 7_500; i++) worst = Math.max(worst, Math.abs((output[i] ?? 0) - (wanted[i] ?? 0)));
    assert.ok(worst < 2e-4, `${String(rateHz)} Hz: off by ${String(worst)}`);
  }
});

test('7 kHz passes almost untouched and what lies above 9 kHz does not come back as an alias', () => {
  for (const rateHz of [44_100, 48_000, 96_001]) {
    assert.ok(decibel(resampled(tone(7_000, rateHz, 0.5), rateHz, () => 999)) > -0.5);
    for (const hz of [9_000, 12_000, 20_000]) {
      const level = decibel(resampled(tone(hz, rateHz, 0.5), rateHz, () => 999));
      assert.ok(level < -75, `${String(hz)} Hz at ${String(rateHz)} Hz: ${String(level)} dB`);
    }
  }
});
