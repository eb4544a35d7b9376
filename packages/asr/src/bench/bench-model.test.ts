import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { CACHE_DIR, NO_RECORDINGS, recording, toFloats } from '../testing/material.js';
import { simulatedText } from '../families/simulated/simulated-recognizer.js';
import { benchModel } from './bench-model.js';

const tone = (pitch: number): Float32Array =>
  Float32Array.from({ length: 16_000 }, (_, at) => Math.fround(Math.sin(at / pitch)));

test('The measurement hands back a word error rate, a throughput a batch size, and how often texts changed', async () => {
  const clips = [3, 4, 5].map((pitch) => ({ name: String(pitch), pcm: tone(pitch), text: simulatedText(tone(pitch)) }));
  const figures = await benchModel({
    model: { id: 'simulated', slug: 'simulated', family: 'simulated', folder: '' },
    dtype: 'auto',
    device: 'simulated',
    threads: 1,
    simulatedCost: { batchMs: 0, audioSecondMs: 0, rowMs: 0 },
    clips,
    batchSizes: [1, 2],
    rounds: 4,
  });
  assert.deepEqual(
    figures.map((figure) => figure.figure),
    ['word_error_rate', 'throughput', 'throughput', 'batch_independence'],
  );
  assert.ok(figures.every((figure) => figure.figure !== 'word_error_rate' || (figure.rate === 0 && figure.words > 0)));
});

test('Moonshine hears short clips right and the same in every batch', { skip: NO_RECORDINGS }, async () => {
  const clips = [
    { name: 'harvard-spk1-1.wav', text: 'the child almost hurt the small dog' },
    { name: 'harvard-spk1-6.wav', text: 'the pencils have all been used' },
    { name: 'harvard-spk1-4.wav', text: 'a thin stripe runs down the middle' },
  ].map((clip) => ({ ...clip, pcm: toFloats(recording(clip.name)) }));
  const figures = await benchModel({
    model: {
      id: 'moonshine-tiny',
      slug: 'moonshine-tiny',
      family: 'moonshine',
      folder: join(CACHE_DIR, 'moonshine-tiny'),
    },
    dtype: 'int8',
    device: 'cpu',
    threads: 1,
    clips,
    batchSizes: [2],
    rounds: 2,
  });
  const [accuracy, speed, independence] = figures;
  assert.ok(accuracy?.figure === 'word_error_rate' && accuracy.rate === 0);
  assert.ok(speed?.figure === 'throughput' && (speed.encoderMs ?? 0) > 0 && (speed.decoderMs ?? 0) > 0);
  assert.ok(independence?.figure === 'batch_independence' && independence.changed === 0 && independence.total === 9);
});
