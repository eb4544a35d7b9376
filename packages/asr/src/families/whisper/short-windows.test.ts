import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Recognition, Word } from '@murmuration/contracts';
import { loadWhisperParts } from './whisper-family.js';
import type { Generation } from './model/speech-model.js';
import { clip, modelFolder, skipWithoutReferences } from '../../testing/references.js';
import { SPEECH, never, options, plainWords, textOf, withModel } from '../../testing/whisper-tiny.js';
import type { WhisperParts } from './whisper-parts.js';
import { WhisperRecognizer } from './whisper-recognizer.js';

for (const dtype of ['fp16', 'int8'] as const) {
  describe(`Whisper tiny.en in ${dtype} with short windows`, { skip: skipWithoutReferences }, () => {
    let shortParts: WhisperParts;
    let short: WhisperRecognizer;
    before(async () => {
      shortParts = await loadWhisperParts({
        folder: modelFolder('whisper-tiny.en'),
        dtype,
        device: 'cpu',
        threads: 1,
      });
      assert.equal(shortParts.model.shortWindows, true);
      short = new WhisperRecognizer('whisper-tiny.en', shortParts);
    });
    after(async () => {
      await short.close();
    });

    describe('Short windows write the same words as windows of 30 s, with the same times, alone and in a batch', () => {
      const inputs = SPEECH.map(([file]) => ({ pcm: clip(file), options: options({ wordTimestamps: true }) }));
      const words = (one: Recognition | undefined): Word[] =>
        one?.segments.flatMap((segment): Word[] => segment.words ?? []) ?? [];
      let batch: Recognition[];
      let over30s: Recognition[];
      // By halves and clip by clip, so that each keeps to the limit of a test on a busy machine, in fp16 too.
      before(async () => {
        batch = await short.recognize(inputs, never);
      });
      for (const half of [0, 1])
        before(async () => {
          const middle = Math.ceil(inputs.length / 2);
          const some = half === 0 ? inputs.slice(0, middle) : inputs.slice(middle);
          const written = await withModel(shortParts, { shortWindows: false }).recognize(some, never);
          over30s = half === 0 ? written : [...over30s, ...written];
        });

      for (const [i, input] of inputs.entries()) {
        const file = SPEECH[i]?.[0] ?? '';
        test(file, async () => {
          const [alone] = await short.recognize([input], never);
          assert.equal(textOf(alone), textOf(batch[i]));
          if (dtype === 'int8') assert.deepEqual(alone, batch[i]);
          assert.deepEqual(plainWords(textOf(alone)), plainWords(textOf(over30s[i])));
          words(alone).forEach((word, k) => {
            const startMs = words(over30s[i])[k]?.startMs ?? -1;
            assert.ok(
              Math.abs(word.startMs - startMs) <= 200,
              `${word.word} ${String(word.startMs)} ${String(startMs)}`,
            );
          });
        });
      }
    });

    test('Where audio is cut off in a word nothing is written that windows of 30 s do not write', async () => {
      const whole = withModel(shortParts, { shortWindows: false });
      const jfk = clip('jfk.wav');
      // Within "country", "do", "you", "what" and "can".
      for (const share of [0.62, 0.69, 0.75, 0.8, 0.85]) {
        const cut = { pcm: jfk.subarray(0, Math.round(jfk.length * share)), options: options() };
        const [[own], [theirs]] = [await short.recognize([cut], never), await whole.recognize([cut], never)];
        assert.deepEqual(plainWords(textOf(own)), plainWords(textOf(theirs)), String(share));
      }
    });

    test('A clip of three seconds is encoded in a window of 11 s; what is doubted there is written over 30 s', async () => {
      const pcm = clip('harvard-spk1-1.wav');
      const { model, vocabulary, settings } = shortParts;
      const [expected] = await short.recognize([{ pcm, options: options() }], never);
      const twice = (one: Generation): Generation => {
        const text = one.tokens.filter((token) => token < vocabulary.endOfText);
        const tokens = [vocabulary.firstTimestamp, ...text, ...text, vocabulary.firstTimestamp + 100];
        return { ...one, tokens, logprobs: tokens.map(() => -0.1) };
      };
      const silent = (one: Generation): Generation => ({ ...one, tokens: [], logprobs: [] });
      const unsure = (one: Generation): Generation => ({
        ...one,
        logprobs: one.logprobs.map(() => -3),
        noSpeechProb: 0,
      });
      for (const [change, windows] of [
        [(one: Generation) => one, [1_100]],
        [twice, [1_100, 3_000]],
        [silent, [1_100, 3_000]],
        [unsure, [1_100, 3_000]],
      ] as const) {
        const encoded: number[] = [];
        const changed = withModel(shortParts, {
          encode: (features, rows) => {
            encoded.push(features.length / rows / settings.mels);
            return model.encode(features, rows);
          },
          generate: async (...request) =>
            (await model.generate(...request)).map((one) => (encoded.at(-1) === 1_100 ? change(one) : one)),
        });
        const [recognition] = await changed.recognize([{ pcm, options: options() }], never);
        assert.deepEqual(encoded, windows);
        assert.deepEqual(plainWords(textOf(recognition)), plainWords(textOf(expected)));
      }
    });
  });
}
