import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tokenizer } from '@huggingface/tokenizers';
import { readModelJson } from '../../../models/model-folder.js';
import { modelFolder, skipWithoutReferences } from '../../../testing/references.js';
import { Vocabulary } from './vocabulary.js';
import { readWhisperSettings } from './whisper-settings.js';

interface Decoder {
  decode(tokens: readonly number[], options: { clean_up_tokenization_spaces: boolean }): string;
}
const DecoderOfFiles = Tokenizer as unknown as new (json: object, config: object) => Decoder;

describe("Whisper's vocabulary", { skip: skipWithoutReferences }, () => {
  for (const model of ['whisper-tiny.en', 'whisper-random-multilingual']) {
    test(`Tokens of ${model} become the text that the tokenizer library makes of them`, async () => {
      const folder = modelFolder(model);
      const vocabulary = await Vocabulary.load(folder, await readWhisperSettings(folder));
      const library = new DecoderOfFiles((await readModelJson(folder, 'tokenizer.json')) as object, {});
      const expected = (tokens: readonly number[]): string =>
        library.decode(tokens, { clean_up_tokenization_spaces: false });

      for (let token = 0; token < vocabulary.endOfText; token++) {
        assert.equal(vocabulary.decode([token]), expected([token]), String(token));
      }
      // Steps that share no factor with the number of tokens: every sentence is another one.
      for (let sentence = 0; sentence < 200; sentence++) {
        const tokens = Array.from({ length: 40 }, (_, i) => (sentence * 7_919 + i * 104_729) % vocabulary.endOfText);
        assert.equal(vocabulary.decode(tokens), expected(tokens));
      }
    });
  }

  test('Text in any script becomes tokens and the same text again, without special tokens', async () => {
    const folder = modelFolder('whisper-random-multilingual');
    const vocabulary = await Vocabulary.load(folder, await readWhisperSettings(folder));
    for (const text of [' Straße, naïve café', ' 你好，世界', ' สวัสดีชาวโลก', ' 👩‍👩‍👧 and 🇩🇪', '\u{FEFF}mark']) {
      assert.equal(vocabulary.decode(vocabulary.encode(text)), text);
    }
    assert.equal(
      vocabulary.decode([vocabulary.startOfTranscript, vocabulary.firstTimestamp, vocabulary.endOfText]),
      '',
    );
    assert.equal(vocabulary.decode([]), '');
  });
});
