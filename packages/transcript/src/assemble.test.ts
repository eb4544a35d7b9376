import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RecordingSummary } from '@murmuration/contracts';
import { assembleTranscript, type TranscriptMeta } from './assemble.js';
import { result, segment } from './testing.js';

const summary: RecordingSummary = {
  durationMs: 4_000,
  channels: 2,
  format: 'wav',
  accounting: { speechMs: 3_000, nonSpeechMs: 5_000, skipped: [] },
  warnings: [{ code: 'truncated', message: 'The file ends early.' }],
  decodeMs: 5,
  detectMs: 6,
  chunks: 3,
};
const meta: TranscriptMeta = { id: 'j', model: 'm', task: 'transcribe', language: null, totalMs: 100 };

describe('assembleTranscript', () => {
  test('Results in any order give segments in order of time, then channel', () => {
    const results = [
      result(2, [segment(' third ', 2_000, 3_000)]),
      result(1, [segment('right', 1_000, 2_000, { channel: 1 })], { channel: 1 }),
      result(0, [segment('left', 1_000, 2_000)]),
    ];
    assert.equal(assembleTranscript(results, summary, meta).text, 'left right third');
  });

  test('The language is that of most speech; chunks without text do not vote', () => {
    const results = [
      result(0, [segment('a', 0, 1)], { language: 'de', audioMs: 1_000, languageProbability: 0.5 }),
      result(1, [segment('b', 1, 2)], { language: 'en', audioMs: 3_000, languageProbability: 0.9 }),
      result(2, [], { language: 'de', audioMs: 9_000 }),
    ];
    const transcript = assembleTranscript(results, summary, meta);
    assert.equal(transcript.language, 'en');
    assert.equal(transcript.languageProbability?.toFixed(6), '0.900000');
  });

  test('The language of a translation is English; the language that was spoken is told beside it, with its probability', () => {
    const results = [result(0, [segment('A light hall.', 0, 1_000)], { language: 'de', languageProbability: 0.98 })];
    const { language, sourceLanguage, languageProbability, task } = assembleTranscript(results, summary, {
      ...meta,
      task: 'translate',
    });
    assert.deepEqual([task, language, sourceLanguage, languageProbability], ['translate', 'en', 'de', 0.98]);
    assert.equal(assembleTranscript([], summary, { ...meta, task: 'translate', language: 'fr' }).sourceLanguage, 'fr');
    assert.equal('sourceLanguage' in assembleTranscript(results, summary, meta), false);
  });

  test('A recording that changes its language and has no text is in no language', () => {
    assert.equal(assembleTranscript([], summary, { ...meta, language: 'multi' }).language, null);
  });

  test('Speech in another language than the one that was found is told as a warning, not where the language was given or asked for several times', () => {
    const found = [
      result(0, [segment('a', 0, 1)], { otherLanguages: ['de'] }),
      result(1, [segment('b', 1, 2)], { languageProbability: null, otherLanguages: ['de', 'fr'] }),
    ];
    const warnings = assembleTranscript(found, summary, meta).warnings.slice(1);
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['several_languages'],
    );
    assert.match(
      warnings[0]?.message ?? '',
      /taken to be in English \(en\), but some of it sounds like German \(de\), French \(fr\)\. Send language=multi/,
    );
    const given = found.map((one) => ({ ...one, languageProbability: null }));
    assert.deepEqual(assembleTranscript(given, summary, { ...meta, language: 'en' }).warnings, summary.warnings);
    assert.deepEqual(assembleTranscript(found, summary, { ...meta, language: 'multi' }).warnings, summary.warnings);
  });

  test('An empty recording has empty text, the language that was asked for and a queue time of 0', () => {
    const transcript = assembleTranscript([], summary, { ...meta, language: 'en' });
    assert.equal(transcript.text, '');
    assert.equal(transcript.language, 'en');
    assert.equal(transcript.timings.queueMs, 0);
  });

  test('Queue time is a mean, inference time the sum of shares of batches', () => {
    const { timings } = assembleTranscript(
      [
        result(0, [], { queueMs: 10, inferenceMs: 80, batchSize: 4 }),
        result(1, [], { queueMs: 30, inferenceMs: 10, batchSize: 1 }),
      ],
      summary,
      meta,
    );
    assert.deepEqual(timings, { decodeMs: 5, detectMs: 6, queueMs: 20, inferenceMs: 30, totalMs: 100 });
  });

  test('A prompt that was cut is told as a warning beside those of the file', () => {
    const { warnings } = assembleTranscript([result(0, [], { promptTrimmed: true })], summary, meta);
    assert.deepEqual(
      warnings.map((warning) => warning.code),
      ['truncated', 'prompt_trimmed'],
    );
  });

  test('The text has no spaces between segments where its script has none', () => {
    const results = [
      result(0, [segment('ありがとう', 0, 1_000), segment('ございました。', 1_000, 2_000)]),
      result(1, [segment('こちらこそ', 2_000, 3_000)]),
    ];
    assert.equal(assembleTranscript(results, summary, meta).text, 'ありがとうございました。こちらこそ');
  });

  test('A forced cut is joined', () => {
    const results = [
      result(0, [segment('one two thr', 0, 2_000)]),
      result(1, [segment('two three four', 1_000, 3_000)], { overlapMs: 1_000 }),
    ];
    assert.equal(assembleTranscript(results, summary, meta).text, 'one two three four');
  });
});
