import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PcmTape } from './pcm-tape.js';

const int16 = (bytes: Uint8Array): number[] =>
  Array.from({ length: bytes.length / 2 }, (_, index) =>
    new DataView(bytes.buffer, bytes.byteOffset).getInt16(index * 2, true),
  );

void test('Samples are scaled to 16 bits and clipped', () => {
  const tape = new PcmTape();
  tape.append(Float32Array.of(0, 0.5, -0.5, 1, -1, 3, -3, 1 / 32_768));
  assert.deepEqual(
    int16(tape.read([{ startSamples: 0, endSamples: 8 }])),
    [0, 16_384, -16_384, 32_767, -32_768, 32_767, -32_768, 1],
  );
});

void test('Samples between two steps go to the nearer, those in the middle upward', () => {
  const steps = [0.5, 0.499_999_97, -0.5, -0.500_000_1, 1.5, -1.5, 2.25];
  const tape = new PcmTape();
  tape.append(Float32Array.from(steps, (step) => step / 32_768));
  assert.deepEqual(int16(tape.read([{ startSamples: 0, endSamples: steps.length }])), [1, 0, 0, -1, 2, -1, 2]);
});

void test('Stretches come one behind the other; what was dropped or never came is refused', () => {
  const tape = new PcmTape();
  for (let piece = 0; piece < 100; piece++)
    tape.append(Float32Array.from({ length: 1_000 }, (_, index) => ((piece * 1_000 + index) % 1_000) / 32_768));
  tape.dropBefore(90_000);
  assert.ok(tape.startSamples > 0 && tape.startSamples <= 90_000);
  assert.deepEqual(
    int16(
      tape.read([
        { startSamples: 90_001, endSamples: 90_003 },
        { startSamples: 99_999, endSamples: 100_000 },
      ]),
    ),
    [1, 2, 999],
  );
  assert.throws(() => tape.read([{ startSamples: tape.startSamples - 1, endSamples: 90_000 }]), RangeError);
  assert.throws(() => tape.read([{ startSamples: 99_999, endSamples: 100_001 }]), RangeError);
});
