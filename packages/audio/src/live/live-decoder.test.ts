import assert from 'node:assert/strict';
import { test } from 'node:test';
import { voice } from '../decode/testing/encoded-twins.js';
import { PcmLiveDecoder } from './live-decoder.js';

test('Live channels of opposite phase are heard, in pieces of any size', async () => {
  const [speech = new Float32Array(0)] = voice(2, 16_000, 1);
  const frames = Int16Array.from(
    { length: speech.length * 2 },
    (_, i) => Math.round((speech[i >> 1] ?? 0) * 32_767) * (i % 2 === 0 ? 1 : -1),
  );
  const heard: Float32Array[] = [];
  for (const pieceBytes of [320 * 4, 4_000, frames.byteLength]) {
    const decoder = new PcmLiveDecoder({ encoding: 'pcm_s16le', sampleRateHz: 16_000, channels: 2 }, null);
    const samples: number[] = [];
    for (let at = 0; at < frames.byteLength; at += pieceBytes)
      samples.push(...(await decoder.push(new Uint8Array(frames.buffer).subarray(at, at + pieceBytes))).samples);
    heard.push(Float32Array.from(samples));
  }
  const [first = new Float32Array(0), ...others] = heard;
  const power = (samples: Float32Array): number => samples.subarray(800).reduce((sum, value) => sum + value * value, 0);
  assert.ok(power(first) > 0.8 * power(speech));
  for (const other of others) assert.deepEqual(other, first);
});
