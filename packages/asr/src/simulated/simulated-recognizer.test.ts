import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DECODE } from '../testing/material.js';
import { SimulatedRecognizer, simulatedText } from './simulated-recognizer.js';

const MODEL = { id: 'load-test', slug: 'load-test' };
const tone = (samples: number, pitch: number): Float32Array => Float32Array.from({ length: samples }, (_, at) => Math.sin(at / pitch));

test('The text depends on the samples alone, not on mates or order', async () => {
  const recognizer = new SimulatedRecognizer(MODEL, { batchMs: 0, audioSecondMs: 0, rowMs: 0 });
  const clips = [tone(16_000, 3), tone(16_000, 4), tone(40_000, 5)].map((pcm) => ({ pcm, options: DECODE }));
  const texts = (await recognizer.recognize(clips, () => false)).map((recognition) => recognition.segments[0]?.text);
  assert.equal(new Set(texts).size, 3);
  assert.deepEqual((await recognizer.recognize(clips.toReversed(), () => false)).map((recognition) => recognition.segments[0]?.text), texts.toReversed());
  assert.deepEqual(texts, clips.map((clip) => simulatedText(clip.pcm)));
});

test('The cost of a batch is as stated', async () => {
  const recognizer = new SimulatedRecognizer(MODEL, { batchMs: 10, audioSecondMs: 2, rowMs: 1 });
  assert.equal(recognizer.costMs(64_000, 3), 10 + 3 * (1 + 4 * 2));
  assert.deepEqual(await recognizer.rehearse(64_000, [1, 3]), [19, 37]);
});

test('A cancelled row gives nothing', async () => {
  const recognizer = new SimulatedRecognizer(MODEL, { batchMs: 0, audioSecondMs: 0, rowMs: 0 });
  const clip = { pcm: tone(16_000, 3), options: DECODE };
  const [first, second] = await recognizer.recognize([clip, clip], (row) => row === 1);
  assert.equal(first?.segments.length, 1);
  assert.deepEqual(second?.segments, []);
});
