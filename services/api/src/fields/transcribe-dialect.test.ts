import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { FieldBag } from './field-bag.js';
import { transcriptionDialect } from './openai-dialect.js';
import { transcribeDialect } from './transcribe-dialect.js';

function bag(lists: readonly string[], fields: readonly (readonly [string, string])[]): FieldBag {
  const made = new FieldBag(lists);
  for (const [name, value] of fields) made.add(name, value);
  return made;
}

function temperatures(...fields: (readonly [string, string])[]): readonly number[] {
  return transcribeDialect.read(bag(transcribeDialect.lists, fields)).options.decode.temperatures;
}

test('Temperatures to fall back on come as a list, with commas or as JSON; one alone may come as ever', () => {
  assert.deepEqual(temperatures(['temperatures', '0, 0.2,0.4']), [0, 0.2, 0.4]);
  assert.deepEqual(temperatures(['temperatures', '[0,1]']), [0, 1]);
  assert.deepEqual(temperatures(['temperature', '0.3']), [0.3]);
  assert.deepEqual(temperatures(), [0]);
});

test('A list of temperatures that is none is refused by its name', () => {
  for (const fields of [[['temperatures', 'NaN']], [['temperatures', '0,2']], [['temperatures', '0,,1']], [['temperatures', Array(9).fill('0').join()]], [['temperature', '0'], ['temperatures', '0']]] as const) {
    assert.throws(() => temperatures(...fields), (error: unknown) => error instanceof AsrError && error.code === 'invalid_field' && error.param === 'temperatures');
  }
});

test('OpenAI’s subtitles ask for word times where the client wants words, its plain forms never', () => {
  const asks = (format: string): boolean => transcriptionDialect.read(bag(transcriptionDialect.lists, [['response_format', format], ['timestamp_granularities[]', 'word']])).options.decode.wordTimestamps;
  assert.deepEqual(['srt', 'vtt', 'verbose_json', 'json', 'text'].map(asks), [true, true, true, false, false]);
});
