import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRandom } from '../decoding/token-chooser.js';
import { copyWindow, LogMelExtractor, melFilters, WINDOW_AUDIO_SAMPLES, WINDOW_FRAMES } from './log-mel.js';

const noise = (samples: number): Float32Array => {
  const random = seededRandom(samples);
  return Float32Array.from({ length: samples }, () => random() - 0.5);
};

describe('LogMelExtractor', () => {
  test('Leaving out the silent tail changes no value: the same audio with its zeros written out gives the same features', () => {
    const extractor = new LogMelExtractor(80);
    for (const samples of [1, 159, 16_000, 16_123, WINDOW_AUDIO_SAMPLES - 1]) {
      const pcm = noise(samples);
      const padded = new Float32Array(WINDOW_AUDIO_SAMPLES);
      padded.set(pcm);
      assert.deepEqual(extractor.extract(pcm).values, extractor.extract(padded).values, `${String(samples)} samples`);
    }
  });

  test('Silence lies at the floor everywhere', () => {
    const { values } = new LogMelExtractor(80).extract(new Float32Array(8_000));
    assert.ok(values.every((value) => value === -1.5));
  });

  test('A model of 128 mel bins gets 128 rows, and longer audio gets more frames than a window', () => {
    const mel = new LogMelExtractor(128).extract(noise(WINDOW_AUDIO_SAMPLES + 1_600));
    assert.equal(mel.frames, WINDOW_FRAMES + 10);
    assert.equal(mel.values.length, 128 * (WINDOW_FRAMES + 10));
    assert.equal(mel.contentFrames, WINDOW_FRAMES + 10);
  });

  test('No value lies more than two below the largest, which is the eight of the reference divided by four', () => {
    const { values } = new LogMelExtractor(80).extract(noise(32_000));
    const largest = values.reduce((a, b) => Math.max(a, b));
    assert.ok(Math.abs(largest - values.reduce((a, b) => Math.min(a, b)) - 2) < 1e-6);
  });
});

describe('copyWindow', () => {
  test('A window past the end of the features is filled with zeros, as the reference fills it', () => {
    const mel = new LogMelExtractor(80).extract(noise(16_000));
    const target = new Float32Array(80 * WINDOW_FRAMES).fill(9);
    copyWindow(mel, 2_900, target, 0);
    assert.equal(target[99], mel.values[2_999]);
    assert.equal(target[100], 0);
    assert.equal(target[WINDOW_FRAMES], mel.values[mel.frames + 2_900]);
  });
});

describe('melFilters', () => {
  test('Each filter has unit area, and every frequency between the outermost is heard', () => {
    for (const count of [80, 128]) {
      const { bin, first, weights } = melFilters(count);
      const heard = new Set<number>();
      for (let m = 0; m < count; m++) {
        for (let i = first[m] ?? 0; i < (first[m + 1] ?? 0); i++) heard.add((bin[m] ?? 0) + i - (first[m] ?? 0));
      }
      assert.equal(heard.size, 199);
      const widest = weights.subarray(first[count - 1]);
      assert.ok(Math.abs(widest.reduce((sum, weight) => sum + weight, 0) * 40 - 1) < 0.02);
    }
  });
});
