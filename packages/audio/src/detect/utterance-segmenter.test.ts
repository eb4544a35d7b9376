import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WINDOW_SAMPLES } from './audio-window.js';
import { UtteranceSegmenter, type SegmenterEvent } from './utterance-segmenter.js';

const OPTIONS = { threshold: 0.5, minSpeechMs: 100, minSilenceMs: 128 };

function events(probabilities: readonly number[], options = OPTIONS): SegmenterEvent[] {
  const segmenter = new UtteranceSegmenter(options);
  return [
    ...probabilities.flatMap((probability) => segmenter.step(probability)),
    ...segmenter.finish(probabilities.length * WINDOW_SAMPLES),
  ];
}

const at = (window: number): number => window * WINDOW_SAMPLES;
const times = (count: number, probability: number): number[] => Array.from({ length: count }, () => probability);

void test('An utterance reaches from the first window at the threshold to the beginning of a pause as long as the hangover', () => {
  assert.deepEqual(events([0.1, 0.5, 0.9, 0.9, 0.9, ...times(4, 0.1)]), [
    { type: 'onset', startSamples: at(1) },
    { type: 'confirmed', startSamples: at(1) },
    { type: 'utterance', startSamples: at(1), endSamples: at(5) },
  ]);
});

void test('Between threshold and threshold minus 0.15 speech neither begins nor ends', () => {
  assert.deepEqual(events(times(20, 0.45)), []);
  const utterance = events([0.9, ...times(20, 0.36), ...times(4, 0.34)]).at(-1);
  assert.deepEqual(utterance, { type: 'utterance', startSamples: 0, endSamples: at(21) });
});

void test('A pause shorter than the hangover does not end an utterance; a window between the limits does not end the pause', () => {
  const joined = events([...times(5, 0.9), ...times(3, 0.1), ...times(5, 0.9), ...times(4, 0.1)]).filter(
    (event) => event.type === 'utterance',
  );
  assert.deepEqual(joined, [{ type: 'utterance', startSamples: 0, endSamples: at(13) }]);
  const ended = events([...times(5, 0.9), 0.1, 0.4, 0.4, 0.4]).at(-1);
  assert.deepEqual(ended, { type: 'utterance', startSamples: 0, endSamples: at(5) });
});

void test('Speech shorter than the minimum is skipped as too short; of exactly the minimum it is kept', () => {
  const short = events([...times(3, 0.9), ...times(4, 0)]);
  assert.deepEqual(short.at(-1), { type: 'skipped', startSamples: 0, endSamples: at(3), reason: 'too_short' });
  assert.equal(
    short.some((event) => event.type === 'confirmed'),
    false,
  );
  assert.equal(events([...times(3, 0.9), ...times(4, 0)], { ...OPTIONS, minSpeechMs: 96 }).at(-1)?.type, 'utterance');
});

void test('The end of the stream ends what is open, at the beginning of its pause or at the very end', () => {
  assert.deepEqual(events([...times(6, 0.9), 0.1]).at(-1), { type: 'utterance', startSamples: 0, endSamples: at(6) });
  const segmenter = new UtteranceSegmenter(OPTIONS);
  times(6, 0.9).forEach((probability) => segmenter.step(probability));
  assert.deepEqual(segmenter.finish(at(5) + 7), [{ type: 'utterance', startSamples: 0, endSamples: at(5) + 7 }]);
  assert.deepEqual(segmenter.finish(at(6)), []);
});

void test('A threshold below the hysteresis still lets speech end', () => {
  assert.equal(
    events([...times(6, 0.9), ...times(4, 0.01)], { ...OPTIONS, threshold: 0.1 }).filter(
      (event) => event.type === 'utterance',
    ).length,
    1,
  );
});

void test('No window is idle before the earliest idle window that was announced', () => {
  const segmenter = new UtteranceSegmenter(OPTIONS);
  for (const probability of [0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1]) {
    const before = segmenter.nextWindow;
    const announced = segmenter.earliestIdleWindow;
    segmenter.step(probability);
    if (before + 1 < announced) assert.equal(segmenter.open, true);
  }
  assert.equal(segmenter.open, false);
});

void test('A segmenter goes on from its snapshot as if nothing had happened', () => {
  const probabilities = [0.1, 0.9, 0.9, 0.2, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.9, 0.1];
  for (let cut = 0; cut <= probabilities.length; cut++) {
    const first = new UtteranceSegmenter(OPTIONS);
    const heard = probabilities.slice(0, cut).flatMap((probability) => first.step(probability));
    const second = new UtteranceSegmenter(
      OPTIONS,
      JSON.parse(JSON.stringify(first.snapshot())) as ReturnType<typeof first.snapshot>,
    );
    heard.push(
      ...probabilities.slice(cut).flatMap((probability) => second.step(probability)),
      ...second.finish(at(probabilities.length)),
    );
    assert.deepEqual(heard, events(probabilities));
  }
});
