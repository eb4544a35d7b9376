import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clockTime, renderJson } from './render-json.js';
import { cueLines, cuesOf, wordCues } from './cues.js';
import { verboseJson } from './render-openai.js';
import { renderSrt, renderText, renderTsv, renderVtt } from './render-subtitles.js';
import { segment, transcript } from './testing.js';

describe('Renderings', () => {
  test('A time just below a full second is rounded before it is taken apart', () => {
    assert.equal(clockTime(59_999.6, ','), '00:01:00,000');
    assert.equal(clockTime(3_599_999.7, '.'), '01:00:00.000');
    assert.equal(clockTime(360_000_001, '.'), '100:00:00.001');
    assert.equal(clockTime(-3, ','), '00:00:00,000');
  });

  test('srt counts from one and cannot be broken by its text', () => {
    assert.equal(
      renderSrt(transcript([segment('a --> b\n\n2', 0, 1_500.4), segment('c', 1_500.4, 2_000)])),
      '1\n00:00:00,000 --> 00:00:01,500\na -> b 2\n\n2\n00:00:01,500 --> 00:00:02,500\nc\n\n',
    );
  });

  test('vtt escapes its text and names the channel when there are several', () => {
    assert.equal(
      renderVtt(transcript([segment('<b> & -->', 0, 0)])),
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n&lt;b&gt; &amp; --&gt;\n\n',
    );
    assert.match(
      renderVtt(transcript([segment('a', 0, 1), segment('b', 0, 1, { channel: 1 })])),
      /<v Channel 1>a\n\n.*\n<v Channel 2>b/,
    );
  });

  test('tsv has one line a segment, whatever the text holds', () => {
    assert.equal(renderTsv(transcript([segment('a\tb\nc', 0.4, 1_500.6)])), 'start\tend\ttext\n0\t1501\ta b c\n');
  });

  test('An empty transcript gives valid empty files', () => {
    const empty = transcript([], { text: '' });
    assert.equal(renderText(empty), '');
    assert.equal(renderSrt(empty), '');
    assert.equal(renderVtt(empty), 'WEBVTT\n\n');
    assert.equal(renderTsv(empty), 'start\tend\ttext\n');
    assert.deepEqual(verboseJson(empty, { segments: true, words: true }).segments, []);
    assert.deepEqual(renderJson(empty).segments, []);
  });

  test('A long segment whose words have times becomes several cues that hold all of it', () => {
    const spoken = Array.from({ length: 60 }, (_, index) =>
      index % 10 === 9 ? `word${String(index)}.` : `word${String(index)}`,
    );
    const words = spoken.map((word, index) => ({
      word,
      startMs: index * 300,
      endMs: index * 300 + 250,
      probability: 1,
    }));
    const cues = cuesOf(transcript([segment(spoken.join(' '), 0, 18_000, { words })]));
    assert.ok(cues.length > 2);
    assert.equal(cues.map((cue) => cueLines(cue).join(' ')).join(' '), spoken.join(' '));
    for (const cue of cues) {
      assert.ok(cue.lines.length <= 2 && cueLines(cue).every((line) => line.length <= 42), cueLines(cue).join('|'));
      assert.ok(cue.endMs - cue.startMs <= 7_000);
    }
    assert.deepEqual(
      cues.map((cue) => cue.startMs),
      cues.map((cue) => cue.startMs).sort((left, right) => left - right),
    );
  });

  test('By word, every word with a time is a cue, and a segment without such words stays whole', () => {
    const words = [
      { word: ' Hi', startMs: 0, endMs: 400, probability: 1 },
      { word: ' there.', startMs: 400, endMs: 1_500, probability: 1 },
    ];
    const cues = wordCues(
      transcript([segment('Hi there.', 0, 1_500, { words }), segment('Well, well.', 2_000, 3_000)]),
    );
    assert.deepEqual(
      cues.map((cue) => [cueLines(cue).join('|'), cue.startMs, cue.endMs]),
      [
        ['Hi', 0, 400],
        ['there.', 400, 1_500],
        ['Well, well.', 2_000, 3_000],
      ],
    );
  });

  test('A short segment stays one cue though its words have times', () => {
    const words = [
      { word: ' Hi', startMs: 0, endMs: 300, probability: 1 },
      { word: ' there.', startMs: 1_200, endMs: 1_500, probability: 1 },
    ];
    assert.deepEqual(
      cuesOf(transcript([segment('Hi there.', 0, 1_500, { words })])).map((cue) => cueLines(cue).join('|')),
      ['Hi there.'],
    );
  });

  test("verbose_json is OpenAI's, with words only when they are asked for", () => {
    const one = transcript([
      segment('Hello there.', 1_234.4, 2_000, {
        words: [{ word: ' Hello', startMs: 1_234.4, endMs: 1_500, probability: 0.5 }],
      }),
    ]);
    assert.deepEqual(verboseJson(one, { segments: true, words: false }), {
      task: 'transcribe',
      language: 'english',
      duration: 2.346,
      text: 'Hello there.',
      segments: [
        {
          id: 0,
          seek: 123,
          start: 1.234,
          end: 2,
          text: ' Hello there.',
          tokens: [5, 6],
          temperature: 0,
          avg_logprob: -0.1,
          compression_ratio: 1.1,
          no_speech_prob: 0.01,
        },
      ],
      usage: { type: 'duration', seconds: 3 },
    });
    const worded = verboseJson(one, { segments: false, words: true });
    assert.deepEqual(worded.words, [{ word: 'Hello', start: 1.234, end: 1.5 }]);
    assert.equal('segments' in worded, false);
  });

  test('Where a script has no spaces, segments and cues have none either, and the segments of verbose_json put together are the text', () => {
    const words = ['今', '天', '天', '气', '很', '好', '。'].map((word, index) => ({
      word,
      startMs: index * 1_200,
      endMs: index * 1_200 + 1_000,
      probability: 1,
    }));
    const one = transcript(
      [
        segment('今天天气很好。', 0, 8_400, { words }),
        segment('我们去公园', 8_400, 10_000),
        segment('吧', 10_000, 11_000),
        segment('OK', 11_000, 12_000),
      ],
      { text: '今天天气很好。我们去公园吧 OK' },
    );
    assert.equal(
      verboseJson(one, { segments: true, words: false })
        .segments?.map(({ text }) => text)
        .join(''),
      one.text,
    );
    const cues = cuesOf(one).map((cue) => cueLines(cue).join(''));
    assert.ok(cues.length > 4, 'the first segment lasts too long for one cue');
    assert.ok(cues.join('').startsWith('今天天气很好。我们去公园吧'), cues.join('|'));
    assert.match(renderSrt(one), /\n我们去公园\n/);
  });

  test('A translation is English in every form; the native one says what was spoken', () => {
    const one = transcript([segment('A light hall.', 0, 1_000)], {
      task: 'translate',
      language: 'en',
      sourceLanguage: 'de',
    });
    assert.deepEqual(
      [
        verboseJson(one, { segments: true, words: false }).language,
        renderJson(one).language,
        renderJson(one).source_language,
      ],
      ['english', 'en', 'de'],
    );
    assert.equal('source_language' in renderJson(transcript([])), false);
  });

  test("Speech of several languages says them for each segment, and all of them in OpenAI's form", () => {
    const one = transcript([
      segment('Ask not', 0, 1_000, { language: 'en' }),
      segment('Der Raum', 1_000, 2_000, { language: 'de' }),
      segment('you', 2_000, 3_000, { language: 'en' }),
    ]);
    const verbose = verboseJson(one, { segments: true, words: false });
    assert.deepEqual(
      [verbose.languages, verbose.segments?.map(({ language }) => language)],
      [
        [{ code: 'en' }, { code: 'de' }],
        ['en', 'de', 'en'],
      ],
    );
    assert.deepEqual(
      renderJson(one).segments.map(({ language }) => language),
      ['en', 'de', 'en'],
    );
  });

  test("OpenAI's names of languages are Whisper's", () => {
    const named = (language: string | null): string =>
      verboseJson(transcript([], { language }), { segments: false, words: false }).language;
    assert.deepEqual(['tl', 'my', 'nn', 'ht', 'jv', 'yue', null].map(named), [
      'tagalog',
      'myanmar',
      'nynorsk',
      'haitian creole',
      'javanese',
      'cantonese',
      'unknown',
    ]);
  });

  test('The JSON of /transcribe counts in seconds and accounts for all of them', () => {
    const json = renderJson(
      transcript([segment('a', 0, 1_000.4)], {
        accounting: {
          speechMs: 1_000,
          nonSpeechMs: 1_300,
          skipped: [{ startMs: 0, endMs: 45.6, channel: 0, reason: 'too_short' }],
        },
      }),
    );
    assert.deepEqual(json.segments, [{ id: 0, start: 0, end: 1, text: 'a', confidence: 0.9, channel: 0 }]);
    assert.deepEqual(json.timings, { queue: 0.003, inference: 0.004, decode: 0.001, detect: 0.002, total: 0.012 });
    assert.deepEqual(json.accounting, {
      speech: 1,
      non_speech: 1.3,
      skipped: [{ start: 0, end: 0.046, channel: 0, reason: 'too_short' }],
    });
  });
});
