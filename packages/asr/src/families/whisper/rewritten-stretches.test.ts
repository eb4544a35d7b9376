import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { loadWhisperParts } from './whisper-family.js';
import type { Generation } from './model/speech-model.js';
import { clip, modelFolder, skipWithoutReferences } from '../../testing/references.js';
import { never, options, plainWords, textOf, withModel, wordErrors } from '../../testing/whisper-tiny.js';
import type { WhisperParts } from './whisper-parts.js';
import { WhisperRecognizer } from './whisper-recognizer.js';

describe('Stretches of a chunk that are written again', { skip: skipWithoutReferences }, () => {
  let parts: WhisperParts;
  let recognizer: WhisperRecognizer;
  before(async () => {
    parts = await loadWhisperParts({
      folder: modelFolder('whisper-tiny.en'),
      dtype: 'int8',
      device: 'cpu',
      threads: 1,
      // What is doubted in a short window is written over 30 s, before any of this.
      shortWindows: false,
    });
    recognizer = new WhisperRecognizer('whisper-tiny.en', parts);
  });
  after(async () => {
    await recognizer.close();
  });

  const wish =
    ' and so my fellow americans ask not what your country can do for you ask what you can do for your country';
  /** The model, but for what it writes: `change` is given the first answer, then the second, and so on. */
  const writingOtherwise = (change: (one: Generation, run: number) => Generation): WhisperRecognizer => {
    const { model } = parts;
    let run = 0;
    return withModel(parts, {
      generate: async (...request) => {
        const generations = await model.generate(...request);
        return generations.map((one) => change(one, run++));
      },
    });
  };
  const inOne = (...files: string[]): Float32Array => {
    const clips = files.map((file) => clip(file));
    const pcm = new Float32Array(clips.reduce((sum, one) => sum + one.length + 6_400, 0));
    let at = 0;
    for (const one of clips) {
      pcm.set(one, at);
      at += one.length + 6_400;
    }
    return pcm;
  };
  /** Tokens of one sentence over and over, a second each, up to the limit. */
  const loop = (sentence: string, count: number): Generation => {
    const { vocabulary } = parts;
    const text = vocabulary.encode(sentence);
    const tokens = Array.from({ length: count }, (_, i) => [
      vocabulary.firstTimestamp + 50 * i,
      ...text,
      vocabulary.firstTimestamp + 50 * (i + 1),
    ]).flat();
    return {
      tokens,
      logprobs: tokens.map(() => -0.2),
      endLogprob: 0,
      noSpeechProb: 0.01,
      startLogprobs: new Float32Array(0),
      temperature: 0,
    };
  };

  test('Where the text of a chunk stops early, it is written again from there, a quiet speaker after a loud one included', async () => {
    const stopsAfterFirst = (one: Generation, run: number): Generation => {
      if (run > 0) return one;
      const end = one.tokens.findIndex((token, i) => i > 0 && parts.vocabulary.isTimestamp(token)) + 1;
      return { ...one, tokens: one.tokens.slice(0, end), logprobs: one.logprobs.slice(0, end) };
    };
    const [soon] = await writingOtherwise(stopsAfterFirst).recognize(
      [{ pcm: inOne('harvard-spk1-1.wav', 'jfk.wav'), options: options() }],
      never,
    );
    assert.equal(plainWords(textOf(soon)).join(' '), `the child almost hurt the small dog${wish}`);
    assert.ok((soon?.segments[1]?.startMs ?? 0) >= (soon?.segments[0]?.endMs ?? 0));
    const [quiet] = await writingOtherwise(stopsAfterFirst).recognize(
      [{ pcm: inOne('jfk.wav', 'harvard-spk1-6.wav'), options: options() }],
      never,
    );
    assert.equal(plainWords(textOf(quiet)).join(' '), `${wish.trim()} the pencils have all been used`);
  });

  test('A loop costs no speech behind it: the stretch is written again up to a pause, and then what follows', async () => {
    const pcm = inOne('harvard-spk1-4.wav', 'jfk.wav', 'harvard-spk1-6.wav');
    const [fromTheStart] = await writingOtherwise((one, run) =>
      run === 0 ? loop(' He begins a few things.', 17) : one,
    ).recognize([{ pcm, options: options() }], never);
    const said = plainWords(`a thin stripe runs down the middle${wish} the pencils have all been used`);
    assert.ok(wordErrors(said, plainWords(textOf(fromTheStart))) <= 2, textOf(fromTheStart));
    assert.deepEqual(fromTheStart?.filtered, []);
    // Each time it is asked for the first stretch it loops: that is said, and what follows is heard.
    const [twice] = await writingOtherwise((one, run) =>
      run < 2 ? loop(' He begins a few things.', 17) : one,
    ).recognize([{ pcm, options: options() }], never);
    assert.match(
      plainWords(textOf(twice)).join(' '),
      /^he begins a few things .*and so my fellow americans .*the pencils have all been used$/,
    );
    assert.ok(twice?.filtered.some((one) => one.reason === 'repetition'));
  });

  test('A loop that begins later is cut where it begins, and the audio is written again from there', async () => {
    const pcm = inOne('harvard-spk1-4.wav', 'jfk.wav');
    const late = (one: Generation, run: number): Generation => {
      if (run > 0) return one;
      const end = one.tokens.findIndex((token, i) => i > 0 && parts.vocabulary.isTimestamp(token)) + 1;
      const shiftSteps = (one.tokens[end - 1] ?? 0) - parts.vocabulary.firstTimestamp;
      const repeated = loop(' He begins a few things.', 8);
      const tokens = [
        ...one.tokens.slice(0, end),
        ...repeated.tokens.map((token) => (parts.vocabulary.isTimestamp(token) ? token + shiftSteps : token)),
      ];
      return { ...one, tokens, logprobs: tokens.map(() => -0.2), endLogprob: 0 };
    };
    const [recognition] = await writingOtherwise(late).recognize([{ pcm, options: options() }], never);
    assert.equal(plainWords(textOf(recognition)).join(' '), `a thin stripe runs down the middle${wish}`);
    assert.ok((recognition?.segments[0]?.compressionRatio ?? 9) < 2, 'the loop is not counted against what was kept');
  });

  test("A text that fills the model's limit without a time is written in two parts", async () => {
    const long = (one: Generation, run: number): Generation => {
      if (run > 0) return one;
      const words = parts.vocabulary.encode(Array.from({ length: 300 }, (_, i) => ` word${String(i)}`).join(''));
      const tokens = [parts.vocabulary.firstTimestamp, ...words].slice(0, 224);
      return { ...one, tokens, logprobs: tokens.map(() => -0.2), endLogprob: 0 };
    };
    const [recognition] = await writingOtherwise(long).recognize(
      [{ pcm: inOne('jfk.wav', 'harvard-spk1-6.wav'), options: options() }],
      never,
    );
    assert.match(
      plainWords(textOf(recognition)).join(' '),
      /^and so .*ask not what your country can do for you .*the pencils have all been used$/,
    );
  });

  test('Two voices at once, over which the int8 model loops now and then, cost nothing of what follows them', async () => {
    for (const pcm of [
      inOne('two-speakers-stereo.wav', 'two-speakers-stereo.wav', 'jfk.wav', 'harvard-spk1-2.wav'),
      inOne('harvard-spk1-6.wav', 'two-speakers-stereo.wav', 'jfk.wav', 'harvard-spk1-2.wav'),
    ]) {
      const [recognition] = await recognizer.recognize([{ pcm, options: options() }], never);
      assert.match(
        plainWords(textOf(recognition)).join(' '),
        new RegExp(`${wish} drop the two when you add the figures$`),
      );
    }
  });

  test('A quiet speaker who says a sentence three times after a loud one is not taken for a loop', async () => {
    const sunday = 'harvard-spk1-5.wav';
    const [recognition] = await recognizer.recognize(
      [{ pcm: inOne('jfk.wav', sunday, sunday, sunday), options: options() }],
      never,
    );
    assert.equal(
      plainWords(textOf(recognition)).join(' '),
      wish.trim() + ' sunday is the best part of the week'.repeat(3),
    );
  });
});
