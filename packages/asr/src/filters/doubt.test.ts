import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { DecodeOptions, Recognition } from '@murmuration/contracts';
import { loadMoonshine } from '../families/moonshine/moonshine-family.js';
import type { Recognizer } from '../recognizer.js';
import { CACHE_DIR, DECODE, NO_RECORDINGS, plainWords } from '../testing/material.js';
import { loadWhisper } from '../families/whisper/whisper-family.js';
import { clip, modelFolder, skipWithoutReferences } from '../testing/references.js';

// Recordings that end inside a word, and what models make of them.

interface Cut {
  readonly file: string;
  readonly endMs: number;
  readonly said: string;
  readonly guessed: string;
}

const MODELS: readonly {
  readonly name: string;
  readonly skip: string | false;
  readonly load: () => Promise<Recognizer>;
  readonly cuts: readonly Cut[];
}[] = [
  {
    name: 'moonshine-tiny',
    skip: NO_RECORDINGS,
    load: () =>
      loadMoonshine({
        id: 'moonshine-tiny',
        slug: 'moonshine-tiny',
        folder: join(CACHE_DIR, 'moonshine-tiny'),
        dtype: 'int8',
        device: 'cpu',
        threads: 1,
      }),
    cuts: [
      { file: 'harvard-spk1-2.wav', endMs: 2_500, said: 'drop the two when you add the', guessed: 'fifth' },
      { file: 'harvard-spk1-4.wav', endMs: 2_110, said: 'a thin stripe runs down the', guessed: 'mountain' },
    ],
  },
  {
    name: 'whisper-tiny.en',
    skip:
      skipWithoutReferences !== false
        ? skipWithoutReferences
        : existsSync(modelFolder('whisper-tiny.en'))
          ? false
          : 'the model whisper-tiny.en does not lie beside the checkout',
    load: () =>
      loadWhisper({
        id: 'whisper-tiny.en',
        folder: modelFolder('whisper-tiny.en'),
        dtype: 'int8',
        device: 'cpu',
        threads: 1,
      }),
    cuts: [
      { file: 'harvard-spk1-1.wav', endMs: 2_050, said: 'the child almost hurt the', guessed: 'sweat' },
      {
        file: 'jfk.wav',
        endMs: 8_760,
        said: 'and so my fellow americans ask not what your country can do for you ask what you',
        guessed: 'want',
      },
    ],
  },
];

const CLIPS = ['jfk.wav', ...[1, 2, 3, 4, 5, 6].map((n) => `harvard-spk1-${String(n)}.wav`)];
const textOf = ({ segments }: Recognition): string => plainWords(segments.map((segment) => segment.text).join(' '));

for (const { name, skip, load, cuts } of MODELS) {
  suite(`${name} at the end of audio that was cut off`, { skip }, () => {
    let recognizer: Recognizer;
    before(async () => {
      recognizer = await load();
    });
    after(() => recognizer.close());
    const recognize = async (pcm: Float32Array, more: Partial<DecodeOptions> = {}): Promise<Recognition> => {
      const [recognition] = await recognizer.recognize(
        [{ pcm, options: { ...DECODE, language: 'en', ...more } }],
        () => false,
      );
      assert.ok(recognition !== undefined);
      return recognition;
    };

    for (const { file, endMs, said, guessed } of cuts) {
      test(`A word guessed at the end is no text and is listed: ${file} up to ${String(endMs)} ms`, async () => {
        const pcm = clip(file).subarray(0, endMs * 16);
        const recognition = await recognize(pcm);
        assert.equal(textOf(recognition), said);
        assert.deepEqual(
          recognition.filtered.map(({ text, reason }) => [plainWords(text), reason]),
          [[guessed, 'cut_word']],
        );
        const worded = await recognize(pcm, { wordTimestamps: true });
        assert.equal(
          plainWords(worded.segments.flatMap(({ words = [] }) => words.map(({ word }) => word)).join(' ')),
          textOf(worded),
        );
        assert.equal(textOf(worded), said);
        const open = await recognize(pcm, { filter: { ...DECODE.filter, doubt: false } });
        assert.equal(textOf(open), `${said} ${guessed}`);
      });
    }

    test('Recordings that end after their last word lose nothing', async () => {
      for (const file of CLIPS) assert.deepEqual((await recognize(clip(file))).filtered, [], file);
    });

    test('The words in front of a cut stay, wherever the cut is', async () => {
      for (const file of CLIPS.slice(1, 4)) {
        for (const endMs of [1_300, 1_700, 2_100]) {
          const pcm = clip(file).subarray(0, endMs * 16);
          const all = textOf(await recognize(pcm, { filter: { ...DECODE.filter, doubt: false } })).split(' ');
          const kept = textOf(await recognize(pcm)).split(' ');
          assert.ok(all.length - kept.length <= 1, file);
          assert.deepEqual(kept, all.slice(0, kept.length), file);
        }
      }
    });
  });
}
