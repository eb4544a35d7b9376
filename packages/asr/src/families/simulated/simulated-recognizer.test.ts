import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureAudio } from '../../filters/audio-facts.js';
import { DECODE } from '../../testing/material.js';
import { approximateWords, SimulatedRecognizer, simulatedText } from './simulated-recognizer.js';

const silence = measureAudio(new Float32Array(9_600));

test('Longer words take longer; where nothing is loud they fill the time without gaps', () => {
  assert.deepEqual(approximateWords('a bbb  cc', silence, 0.5), [
    { word: 'a', startMs: 0, endMs: 100, probability: 0.5, approximate: true },
    { word: 'bbb', startMs: 100, endMs: 400, probability: 0.5, approximate: true },
    { word: 'cc', startMs: 400, endMs: 600, probability: 0.5, approximate: true },
  ]);
});

test('No text has no words', () => {
  assert.deepEqual(approximateWords('', silence, 1), []);
});

test('Silence between sentences belongs to no word', () => {
  const audio = measureAudio(
    Float32Array.from({ length: 48_000 }, (_, i) =>
      i < 8_000 || (i >= 16_000 && i < 32_000) ? 0 : 0.1 * Math.sin(i / 2),
    ),
  );
  assert.deepEqual(
    approximateWords('ab cdef', audio, 1).map(({ startMs, endMs }) => [startMs, endMs]),
    [
      [500, 1_000],
      [2_000, 3_000],
    ],
  );
});

test('Marks that stand alone are no words', () => {
  assert.deepEqual(
    approximateWords('- So ... « yes » .', silence, 1).map(({ word }) => word),
    ['- So ...', '« yes » .'],
  );
});

const MODEL = { id: 'load-test', slug: 'load-test' };
const tone = (samples: number, pitch: number): Float32Array =>
  Float32Array.from({ length: samples }, (_, at) => Math.sin(at / pitch));

test('The text depends on the samples alone, not on the other rows or their order', async () => {
  const recognizer = new SimulatedRecognizer(MODEL, { batchMs: 0, audioSecondMs: 0, rowMs: 0 });
  const clips = [tone(16_000, 3), tone(16_000, 4), tone(40_000, 5)].map((pcm) => ({ pcm, options: DECODE }));
  const texts = (await recognizer.recognize(clips, () => false)).map((recognition) => recognition.segments[0]?.text);
  assert.equal(new Set(texts).size, 3);
  assert.deepEqual(
    (await recognizer.recognize(clips.toReversed(), () => false)).map((recognition) => recognition.segments[0]?.text),
    texts.toReversed(),
  );
  assert.deepEqual(
    texts,
    clips.map((clip) => simulatedText(clip.pcm)),
  );
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
