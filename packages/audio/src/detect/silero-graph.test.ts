import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { float32Tensor, int64Tensor, openSession } from '@murmuration/onnx';
import { seededRandom } from '../decode/testing/encoded-twins.js';
import {
  VAD_MODEL_PATH,
  WITHOUT_MODEL,
  WITHOUT_RECORDINGS,
  concatenated,
  noise,
  recordingChannel,
  tone,
} from '../testing/detection-samples.js';
import { CONTEXT_SAMPLES, MAX_RUN_WINDOWS, SileroModel, newSileroState } from './silero-model.js';
import { WINDOW_SAMPLES } from './audio-window.js';
import { readSileroWeights } from './silero-weights.js';

/** What Silero's own graph says, one window a run. */
async function originalProbabilities(pcm: Float32Array): Promise<number[]> {
  const session = await openSession(VAD_MODEL_PATH, { device: 'cpu', threads: 1 });
  const probabilities: number[] = [];
  let state = float32Tensor(new Float32Array(256), [2, 1, 128]);
  for (let start = 0; start + WINDOW_SAMPLES <= pcm.length; start += WINDOW_SAMPLES) {
    const window = new Float32Array(CONTEXT_SAMPLES + WINDOW_SAMPLES);
    const context = Math.min(start, CONTEXT_SAMPLES);
    window.set(pcm.subarray(start - context, start + WINDOW_SAMPLES), CONTEXT_SAMPLES - context);
    const outputs = await session.run({
      input: float32Tensor(window, [1, window.length]),
      state,
      sr: int64Tensor(BigInt64Array.of(16_000n), []),
    });
    assert.ok(outputs['output'] && outputs['stateN']);
    probabilities.push(Number(outputs['output'].data[0]));
    state = outputs['stateN'];
  }
  await session.close();
  return probabilities;
}

async function rearrangedProbabilities(pcm: Float32Array, windowsARun: number): Promise<number[]> {
  const model = await SileroModel.open(VAD_MODEL_PATH);
  const state = newSileroState();
  const padded = concatenated(new Float32Array(CONTEXT_SAMPLES), pcm);
  const probabilities: number[] = [];
  const windows = Math.floor(pcm.length / WINDOW_SAMPLES);
  for (let window = 0; window < windows; window += windowsARun) {
    const taken = Math.min(windowsARun, windows - window);
    const run = await model.run(
      padded.subarray(window * WINDOW_SAMPLES, (window + taken) * WINDOW_SAMPLES + CONTEXT_SAMPLES),
      state,
    );
    probabilities.push(...run.probabilities);
  }
  await model.close();
  return probabilities;
}

function assertClose(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  for (const [index, probability] of expected.entries()) {
    assert.ok(
      Math.abs((actual[index] ?? NaN) - probability) < 1e-5,
      `window ${String(index)}: ${String(actual[index])} instead of ${String(probability)}`,
    );
  }
}

void test(
  'The rearranged network says the same as the original on generated sounds, whatever the length of its runs',
  { skip: WITHOUT_MODEL },
  async () => {
    const pcm = concatenated(
      noise(16_000, 0.1, seededRandom(1)),
      tone(16_000, 180, 0.2),
      new Float32Array(4_096),
      noise(8_000, 0.01, seededRandom(2)),
    );
    const expected = await originalProbabilities(pcm);
    for (const windowsARun of [1, 3, MAX_RUN_WINDOWS])
      assertClose(await rearrangedProbabilities(pcm, windowsARun), expected);
  },
);

void test('The rearranged network says the same as the original on speech', { skip: WITHOUT_RECORDINGS }, async () => {
  const pcm = recordingChannel('jfk.wav');
  const expected = await originalProbabilities(pcm);
  assert.ok(expected.filter((probability) => probability > 0.9).length > 100);
  for (const windowsARun of [1, MAX_RUN_WINDOWS])
    assertClose(await rearrangedProbabilities(pcm, windowsARun), expected);
});

void test(
  'Runs of several streams that are asked for at once do not touch each other',
  { skip: WITHOUT_MODEL },
  async () => {
    const model = await SileroModel.open(VAD_MODEL_PATH);
    const streams = [3, 4, 5].map((seed) => noise(CONTEXT_SAMPLES + 20 * WINDOW_SAMPLES, 0.1, seededRandom(seed)));
    const together = await Promise.all(streams.map((stream) => model.run(stream, newSileroState())));
    for (const [index, stream] of streams.entries()) {
      const alone = await model.run(stream, newSileroState());
      assert.deepEqual(alone.probabilities, together[index]?.probabilities);
    }
    await model.close();
  },
);

void test('A run of no whole window is refused', { skip: WITHOUT_MODEL }, async () => {
  const model = await SileroModel.open(VAD_MODEL_PATH);
  await assert.rejects(model.run(new Float32Array(100), newSileroState()), RangeError);
  await model.close();
});

void test('A file that is no Silero model is refused with a sentence', { skip: WITHOUT_MODEL }, () => {
  const file = new Uint8Array(readFileSync(VAD_MODEL_PATH));
  assert.throws(() => readSileroWeights(file.subarray(0, file.length / 2)), /no ONNX file/);
  assert.throws(() => readSileroWeights(new Uint8Array(0)), /no ONNX file/);
  const renamed = Buffer.from(file.slice());
  for (let at = renamed.indexOf('stft.forward'); at >= 0; at = renamed.indexOf('stft.forward'))
    renamed.write('xxxx', at);
  assert.throws(() => readSileroWeights(renamed), /no Silero VAD file/);
});
