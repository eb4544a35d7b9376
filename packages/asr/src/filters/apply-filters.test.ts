import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { filterOptionsSchema, type Recognition, type Segment } from '@murmuration/contracts';
import { applyFilters, firstLoop, type FilterFacts } from './apply-filters.js';
import { measureAudio } from './audio-facts.js';

const loud = measureAudio(Float32Array.from({ length: 160_000 }, (_, i) => 0.1 * Math.sin(i / 3)));
const silent = measureAudio(new Float32Array(160_000));
const options = filterOptionsSchema.parse({});
const facts: FilterFacts = { audio: loud, textLanguage: 'en' };

const said = (text: string, more: Partial<Segment> = {}): Segment => ({
  startMs: 0,
  endMs: 3_000,
  text,
  channel: 0,
  confidence: 0.9,
  avgLogprob: -0.3,
  noSpeechProb: 0.02,
  compressionRatio: 1,
  temperature: 0,
  tokens: [],
  ...more,
});
const recognised = (...segments: Segment[]): Recognition => ({
  segments,
  filtered: [],
  language: 'en',
  languageProbability: null,
});
const outcome = (segment: Segment, chosen = options, of = facts): string => {
  const { segments, filtered } = applyFilters(recognised(segment), chosen, of);
  return segments.length > 0 ? 'kept' : (filtered[0]?.reason ?? 'lost');
};

describe('applyFilters', () => {
  test('Clear speech stays as it is, and nothing is listed', () => {
    const recognition = recognised(
      said(' And so my fellow Americans'),
      said(' 1, 2, 3.', { startMs: 3_000, endMs: 5_000 }),
    );
    assert.deepEqual(applyFilters(recognition, options, facts), recognition);
  });

  test('What is removed is listed with its text, its time and the rule', () => {
    const { segments, filtered } = applyFilters(
      recognised(said(' Well', { noSpeechProb: 0.9, avgLogprob: -0.8, startMs: 100, endMs: 900 })),
      options,
      facts,
    );
    assert.deepEqual(segments, []);
    assert.deepEqual(filtered, [{ startMs: 100, endMs: 900, text: 'Well', reason: 'no_speech' }]);
  });

  test('The silence rule needs both: no speech above its threshold and a log-probability below its own', () => {
    assert.equal(outcome(said(' Well', { noSpeechProb: 0.9, avgLogprob: -0.45 })), 'kept');
    assert.equal(outcome(said(' Well', { noSpeechProb: 0.5, avgLogprob: -0.8 })), 'kept');
    assert.equal(
      outcome(said(' Well', { noSpeechProb: 0.9, avgLogprob: -0.8 }), {
        ...options,
        noSpeechThreshold: null,
        doubt: false,
      }),
      'kept',
    );
    assert.equal(
      outcome(said(' Well', { noSpeechProb: 0.9, avgLogprob: -0.45 }), { ...options, logprobThreshold: null }),
      'no_speech',
    );
  });

  test('Text that was written unsurely where hardly anybody speaks is doubted; unsure text where somebody speaks stays', () => {
    assert.equal(
      outcome(said(' Wooooo!', { confidence: Math.exp(-1.68), avgLogprob: -1.68, noSpeechProb: 0.29 })),
      'doubt',
    );
    assert.equal(
      outcome(said(' He begins a few things', { confidence: Math.exp(-1.7), avgLogprob: -1.17, noSpeechProb: 0.05 })),
      'kept',
    );
    assert.equal(
      outcome(said(' Wooooo!', { confidence: Math.exp(-1.68), avgLogprob: -1.68, noSpeechProb: 0.29 }), {
        ...options,
        doubt: false,
      }),
      'kept',
    );
  });

  test('A real "Thank you." stays; one that the model is unsure of, or that stands where nothing sounds, goes', () => {
    assert.equal(outcome(said(' Thank you.')), 'kept');
    assert.equal(outcome(said(' Thank you.', { confidence: Math.exp(-0.9), avgLogprob: -0.9 })), 'phantom_phrase');
    assert.equal(outcome(said(' Thank you.', { noSpeechProb: 0.4 })), 'phantom_phrase');
    assert.equal(outcome(said(' Thank you.', { startMs: 12_000, endMs: 13_000 })), 'silence');
    assert.equal(
      outcome(said(' Vielen Dank.', { noSpeechProb: 0.4 }), options, { ...facts, textLanguage: 'de' }),
      'phantom_phrase',
    );
    assert.equal(
      outcome(said(' ご視聴ありがとうございました。', { noSpeechProb: 0.4 }), options, {
        ...facts,
        textLanguage: 'ja',
      }),
      'phantom_phrase',
    );
    assert.equal(outcome(said(' Thank you for the salt.', { noSpeechProb: 0.4 })), 'kept');
  });

  test('Over digital silence no text is believed', () => {
    assert.equal(
      outcome(said(' Hello there, how are you?'), options, { audio: silent, textLanguage: 'en' }),
      'silence',
    );
  });

  test('Signs without letters are no speech, and neither is a script the language is not written in', () => {
    assert.equal(outcome(said(' ♪♪♪')), 'letters');
    assert.equal(outcome(said(' 1, 2, 3.')), 'kept');
    assert.equal(outcome(said(' नमस्ते दुनिया'), options, { ...facts, textLanguage: 'hi' }), 'kept');
    assert.equal(outcome(said(' 字幕由某某提供')), 'script');
    assert.equal(outcome(said(' Привет, Google'), options, { ...facts, textLanguage: 'ru' }), 'kept');
    assert.equal(outcome(said(' Microsoft Teams'), options, { ...facts, textLanguage: 'ja' }), 'kept');
    assert.equal(outcome(said(' 字幕由某某提供'), options, { ...facts, textLanguage: null }), 'kept');
  });

  test('A loop is said once, the rest of it is listed, and its words go with it', () => {
    const text = ` we go ${'and then we '.repeat(5)}stop`;
    const words = text
      .trim()
      .split(' ')
      .map((word, i) => ({ word: ` ${word}`, startMs: i, endMs: i + 1, probability: 1 }));
    const { segments, filtered } = applyFilters(
      recognised(said(text, { words, tokens: new Array<number>(30).fill(1) })),
      options,
      facts,
    );
    assert.deepEqual(
      segments.map((one) => [one.text, one.words?.map((word) => word.word).join('')]),
      [[' we go and then we stop', ' we go and then we stop']],
    );
    assert.deepEqual(
      filtered.map((one) => [one.reason, one.text]),
      [['repetition', 'and then we and then we and then we and then we']],
    );
  });

  test('Nothing but a loop leaves nothing, be it of words or of one letter', () => {
    assert.equal(outcome(said(` A${'a'.repeat(200)}`)), 'repetition');
    const loop = said(` ${'the '.repeat(40)}`, { tokens: new Array<number>(40).fill(1) });
    assert.equal(outcome(loop), 'repetition');
    assert.equal(outcome({ ...loop, tokens: [1], noSpeechProb: 0.3 }), 'repetition');
    assert.equal(outcome(said(' no, no, no, no, I said no')), 'kept');
    assert.equal(outcome(loop, { ...options, repetition: false }), 'kept');
  });

  test('Segments that repeat each other are a loop only where their window compresses too well and the audio does not bear them; a person may repeat a sentence', () => {
    const thrice = (more: Partial<Segment>): number =>
      applyFilters(
        recognised(
          ...[0, 1, 2].map((i) =>
            said(' So that is it.', { startMs: i * 3_000, endMs: i * 3_000 + 3_000, tokens: [1, 2, 3, 4, 5], ...more }),
          ),
        ),
        options,
        facts,
      ).segments.length;
    assert.equal(thrice({ compressionRatio: 1.6, noSpeechProb: 0.3 }), 3);
    assert.equal(thrice({ compressionRatio: 3.1, noSpeechProb: 0.3 }), 1);
    assert.equal(thrice({ compressionRatio: 3.1 }), 3);
  });

  test('A speech that is really said four times over, at the pace of speech, stays whole', () => {
    const text = ' ask not what your country can do for you ask what you can do for your country'.repeat(4);
    const spoken = said(text, { endMs: 10_000, tokens: new Array<number>(56).fill(1), compressionRatio: 3.5 });
    assert.equal(outcome(spoken), 'kept');
    assert.equal(outcome({ ...spoken, endMs: 4_000 }), 'repetition');
  });

  test('The segment at which a loop begins is told, so that what follows can be decoded again; without the filter there is none', () => {
    const loop = (more: Partial<Segment>): Segment[] =>
      ['And so it goes', 'He begins.', 'He begins.', 'He begins.', 'He begins.'].map((text, i) =>
        said(` ${text}`, {
          startMs: i * 1_000,
          endMs: i * 1_000 + 1_000,
          tokens: new Array<number>(9).fill(1),
          compressionRatio: 6,
          ...more,
        }),
      );
    assert.equal(firstLoop(loop({}), options, facts), 1);
    assert.equal(firstLoop(loop({ tokens: [1, 2, 3] }), options, facts), null);
    assert.equal(firstLoop(loop({}), { ...options, repetition: false }, facts), null);
    assert.equal(
      firstLoop(
        [said(' So'), said(` ${'the '.repeat(40)}`, { tokens: new Array<number>(40).fill(1) })],
        options,
        facts,
      ),
      1,
    );
  });

  test('Turned off, everything shows; and a chunk without any text always says so', () => {
    assert.equal(
      outcome(said(' ♪♪♪', { noSpeechProb: 0.99, avgLogprob: -3, confidence: 0.01 }), { ...options, enabled: false }),
      'kept',
    );
    assert.deepEqual(applyFilters(recognised(), { ...options, enabled: false }, facts).filtered, [
      { startMs: 0, endMs: 10_000, text: '', reason: 'no_text' },
    ]);
  });
});
