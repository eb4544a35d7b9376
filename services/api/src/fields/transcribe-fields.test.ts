import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { FieldBag } from './field-bag.js';
import { deepgramReader } from './deepgram-fields.js';
import { transcriptionReader } from './openai-fields.js';
import { transcribeReader } from './transcribe-fields.js';

function bag(lists: readonly string[], fields: readonly (readonly [string, string])[]): FieldBag {
  const made = new FieldBag(lists);
  for (const [name, value] of fields) made.add(name, value);
  return made;
}

function temperatures(...fields: (readonly [string, string])[]): readonly number[] {
  return transcribeReader.read(bag(transcribeReader.lists, fields)).options.decode.temperatures;
}

test('Temperatures to fall back on come as a list, with commas or as JSON; one alone may come as ever', () => {
  assert.deepEqual(temperatures(['temperatures', '0, 0.2,0.4']), [0, 0.2, 0.4]);
  assert.deepEqual(temperatures(['temperatures', '[0,1]']), [0, 1]);
  assert.deepEqual(temperatures(['temperature', '0.3']), [0.3]);
  assert.deepEqual(temperatures(), [0]);
});

test('A list of temperatures that is none is refused by its name', () => {
  for (const fields of [
    [['temperatures', 'NaN']],
    [['temperatures', '0,2']],
    [['temperatures', '0,,1']],
    [['temperatures', Array(9).fill('0').join()]],
    [
      ['temperature', '0'],
      ['temperatures', '0'],
    ],
  ] as const) {
    assert.throws(
      () => temperatures(...fields),
      (error: unknown) => error instanceof AsrError && error.code === 'invalid_field' && error.param === 'temperatures',
    );
  }
});

test('A list comes as repeated fields with and without brackets, as a JSON array or apart by commas', () => {
  const granularities = (...fields: (readonly [string, string])[]): unknown =>
    transcriptionReader.read(bag(transcriptionReader.lists, [['response_format', 'verbose_json'], ...fields])).answer
      .granularities;
  const both = { segments: true, words: true };
  for (const name of ['timestamp_granularities', 'timestamp_granularities[]']) {
    assert.deepEqual(
      [
        granularities([name, 'word'], [name, 'segment']),
        granularities([name, '["word", "segment"]']),
        granularities([name, 'word, segment']),
        granularities([name, 'word,'], [name, '["segment"]']),
      ],
      [both, both, both, both],
      name,
    );
    assert.deepEqual(granularities([name, '["word"]']), { segments: false, words: true });
    assert.deepEqual(granularities([name, '[]']), { segments: true, words: false }, 'an empty list says nothing');
  }
  for (const value of ['["sentence"]', 'word,sentence', '["word"', '{"word":1}', '[["word"]]']) {
    assert.throws(
      () => granularities(['timestamp_granularities[]', value]),
      (error: unknown) =>
        error instanceof AsrError && error.code === 'invalid_field' && error.param === 'timestamp_granularities',
      value,
    );
  }
  const { options } = transcriptionReader.read(
    bag(transcriptionReader.lists, [
      ['include[]', '["logprobs"]'],
      ['keywords', '["Bee, Dee", "Cee"]'],
    ]),
  );
  assert.equal(options.decode.hotwords, 'Bee, Dee, Cee');
  const deepgram = deepgramReader(true);
  assert.equal(
    deepgram.read(
      bag(deepgram.lists, [
        ['keyterm', '["Bee","Cee"]'],
        ['keywords', 'Dee:2,Ee:1.5'],
        ['keyterm', 'Eff'],
      ]),
    ).options.decode.hotwords,
    'Bee, Cee, Eff, Dee, Ee',
  );
  assert.throws(
    () => deepgram.read(bag(deepgram.lists, [['redact', '["pci"]']])),
    (error: unknown) => error instanceof AsrError && error.param === 'redact',
  );
});

test('OpenAI’s subtitles ask for word times where the client wants words, its plain forms never', () => {
  const asks = (format: string): boolean =>
    transcriptionReader.read(
      bag(transcriptionReader.lists, [
        ['response_format', format],
        ['timestamp_granularities[]', 'word'],
      ]),
    ).options.decode.wordTimestamps;
  assert.deepEqual(['srt', 'vtt', 'verbose_json', 'json', 'text'].map(asks), [true, true, true, false, false]);
});

test('The layout of subtitles is read by both dialects; a bad value is refused by its name', () => {
  for (const reader of [transcribeReader, transcriptionReader]) {
    const read = (...fields: (readonly [string, string])[]) =>
      reader.read(bag(reader.lists, [['response_format', 'srt'], ...fields]));
    assert.deepEqual(read(['max_line_width', '30'], ['max_words_per_line', '4']).answer.layout, {
      maxLineWidth: 30,
      maxLineCount: 1,
      maxWordsPerLine: 4,
      highlightWords: false,
    });
    assert.deepEqual(read().answer.layout, {
      maxLineWidth: 42,
      maxLineCount: 2,
      maxWordsPerLine: null,
      highlightWords: false,
    });
    assert.equal(read(['highlight_words', 'true']).options.decode.wordTimestamps, true);
    for (const [name, value] of [
      ['max_line_width', '3'],
      ['max_line_width', 'wide'],
      ['max_line_count', '0'],
      ['max_words_per_line', '1.5'],
      ['highlight_words', 'maybe'],
    ] as const) {
      assert.throws(
        () => read([name, value]),
        (error: unknown) => error instanceof AsrError && error.code === 'invalid_field' && error.param === name,
      );
    }
  }
});
