import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Segment, Word } from '@murmuration/contracts';
import { measureAudio } from '../filters/audio-facts.js';
import { followSpeech, wantsWordTimes } from './follow-speech.js';
import type { SpeechRun } from './assign-runs.js';

/** Audio that is loud in the runs and silent between them; tokens are the places of letters in the text. */
function heard(runs: readonly SpeechRun[], durationMs: number, text: string): Parameters<typeof followSpeech>[1] {
  const pcm = new Float32Array(durationMs * 16);
  for (const run of runs) for (let i = run.startMs * 16; i < run.endMs * 16; i++) pcm[i] = 0.1 * Math.sin(i / 5);
  const letters = text.replace(/\s/gu, '');
  return {
    audio: measureAudio(pcm),
    detected: runs,
    decode: (tokens) => tokens.map((token) => letters.charAt(token)).join(''),
  };
}

function segment(
  text: string,
  startMs: number,
  endMs: number,
  words?: readonly (readonly [word: string, startMs: number, endMs: number])[],
): Segment {
  return {
    text,
    startMs,
    endMs,
    channel: 0,
    confidence: 0.5,
    avgLogprob: -0.4,
    noSpeechProb: 0.1,
    compressionRatio: 1,
    temperature: 0,
    tokens: Array.from(text.replace(/\s/gu, ''), (_, i) => i),
    ...(words === undefined
      ? {}
      : { words: words.map(([word, from, to]): Word => ({ word, startMs: from, endMs: to, probability: 0.9 })) }),
  };
}

const RUNS = [
  { startMs: 200, endMs: 1_200 },
  { startMs: 2_400, endMs: 3_600 },
];
const shown = (segments: readonly Segment[]): [string, number, number][] =>
  segments.map(({ text, startMs, endMs }) => [text.trim(), Math.round(startMs), Math.round(endMs)]);

describe('followSpeech', () => {
  test('Divides at a pause where a sentence ends, though its words stray over it, and gives each piece its own figures', () => {
    const text = ' One two. Three four.';
    const one = segment(text, 0, 3_600, [
      [' One', 0, 700],
      [' two.', 700, 2_600],
      [' Three', 2_600, 3_000],
      [' four.', 3_000, 3_800],
    ]);
    const [first, second, ...more] = followSpeech([one], heard(RUNS, 4_000, text));
    assert.deepEqual(more, []);
    assert.deepEqual(shown([first, second] as Segment[]), [
      ['One two.', 200, 1_200],
      ['Three four.', 2_400, 3_600],
    ]);
    assert.equal((first?.text ?? '') + (second?.text ?? ''), text);
    assert.deepEqual([first?.tokens.length, second?.tokens.length], [7, 10]);
    assert.deepEqual([...(first?.tokens ?? []), ...(second?.tokens ?? [])], one.tokens);
    assert.deepEqual([first?.avgLogprob, Math.round((first?.confidence ?? 0) * 100)], [-0.4, 90]);
    for (const piece of [first, second])
      assert.ok(
        piece?.words?.every(
          (word) => word.startMs >= piece.startMs && word.endMs <= piece.endMs && word.endMs > word.startMs,
        ),
      );
  });

  test('A last word that the alignment left without length stays in its sentence', () => {
    const text = ' One two. Three four.';
    const one = segment(text, 0, 3_600, [
      [' One', 200, 1_500],
      [' two.', 2_450, 2_450],
      [' Three', 2_450, 3_000],
      [' four.', 3_000, 3_600],
    ]);
    assert.deepEqual(shown(followSpeech([one], heard(RUNS, 4_000, text))), [
      ['One two.', 200, 1_200],
      ['Three four.', 2_450, 3_600],
    ]);
  });

  test('Divides by letters and marks where words have no times', () => {
    const text = 'A short one. Then a sentence after the pause.';
    assert.deepEqual(shown(followSpeech([segment(text, 0, 4_000)], heard(RUNS, 4_000, text))), [
      ['A short one.', 200, 1_200],
      ['Then a sentence after the pause.', 2_400, 3_600],
    ]);
  });

  test('Divides scripts without spaces between characters', () => {
    const text = '今日は晴れです。明日は雨が降ります。';
    assert.deepEqual(shown(followSpeech([segment(text, 0, 4_000)], heard(RUNS, 4_000, text))), [
      ['今日は晴れです。', 200, 1_200],
      ['明日は雨が降ります。', 2_400, 3_600],
    ]);
  });

  test('Divides a sentence at a long pause and keeps it whole over a short one', () => {
    const words = [
      ['Ask', 200, 800],
      ['not', 800, 1_190],
      ['what', 2_410, 3_000],
      ['comes.', 3_000, 3_600],
    ] as const;
    assert.equal(
      followSpeech([segment('Ask not what comes.', 0, 4_000, words)], heard(RUNS, 4_000, 'Ask not what comes.')).length,
      2,
    );
    const near = [
      { startMs: 200, endMs: 1_200 },
      { startMs: 1_700, endMs: 2_900 },
    ];
    const closer = words.map(
      ([word, from, to]) => [word, from > 2_000 ? from - 700 : from, to > 2_000 ? to - 700 : to] as const,
    );
    assert.deepEqual(
      shown(
        followSpeech([segment('Ask not what comes.', 0, 3_000, closer)], heard(near, 3_200, 'Ask not what comes.')),
      ),
      [['Ask not what comes.', 200, 2_900]],
    );
  });

  test('Divides at a sentence without a pause where words have times, and not where they have none', () => {
    const text = 'One two. Three four.';
    const run = [{ startMs: 200, endMs: 2_000 }];
    const words = [
      ['One', 200, 600],
      ['two.', 600, 1_100],
      ['Three', 1_100, 1_500],
      ['four.', 1_500, 2_000],
    ] as const;
    assert.deepEqual(shown(followSpeech([segment(text, 0, 2_200, words)], heard(run, 2_200, text))), [
      ['One two.', 200, 1_100],
      ['Three four.', 1_100, 2_000],
    ]);
    assert.equal(followSpeech([segment(text, 0, 2_200)], heard(run, 2_200, text)).length, 1);
  });

  test('Titles, initials and what goes on in lower case end no sentence', () => {
    const text = 'Dr. J. Smith said ... and so on.';
    const run = [{ startMs: 200, endMs: 2_000 }];
    const words = text.split(' ').map((word, i) => [word, 200 + 200 * i, 400 + 200 * i] as const);
    assert.equal(followSpeech([segment(text, 0, 2_200, words)], heard(run, 2_200, text)).length, 1);
  });

  test('Without a detector nothing is divided', () => {
    const one = segment('One. Two.', 0, 4_000);
    assert.deepEqual(followSpeech([one], { ...heard(RUNS, 4_000, 'One. Two.'), detected: null }), [one]);
  });

  test('Times of words are wanted for a sentence that ends inside or a pause, and for nothing else', () => {
    const facts = heard(RUNS, 4_000, '');
    assert.equal(wantsWordTimes({ text: 'One two. Three.', startMs: 200, endMs: 1_200 }, facts), true);
    assert.equal(wantsWordTimes({ text: '晴れです。雨です。', startMs: 200, endMs: 1_200 }, facts), true);
    assert.equal(wantsWordTimes({ text: 'One two', startMs: 200, endMs: 3_600 }, facts), true);
    assert.equal(wantsWordTimes({ text: 'One two.', startMs: 200, endMs: 1_200 }, facts), false);
  });
});
