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

// What a request for word times may not change, whatever the model.

interface Model {
  readonly name: string;
  readonly skip: string | false;
  readonly load: () => Promise<Recognizer>;
}

const whisper = (name: string): Model => ({
  name,
  skip:
    skipWithoutReferences !== false
      ? skipWithoutReferences
      : existsSync(modelFolder(name))
        ? false
        : `the model ${name} does not lie beside the checkout`,
  load: () => loadWhisper({ id: name, folder: modelFolder(name), dtype: 'int8', device: 'cpu', threads: 1 }),
});
const MODELS: readonly Model[] = [
  whisper('whisper-tiny.en'),
  whisper('whisper-base'),
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
  },
];

const harvard = (n: number): Float32Array => clip(`harvard-spk1-${String(n)}.wav`);
const silence = (seconds: number): Float32Array => new Float32Array(Math.round(seconds * 16_000));

/** Recordings one after the other, with so much silence between them. */
function joined(gapSeconds: number, ...parts: readonly Float32Array[]): Float32Array {
  const all = parts.flatMap((part, i) => (i === 0 ? [part] : [silence(gapSeconds), part]));
  const pcm = new Float32Array(all.reduce((sum, part) => sum + part.length, 0));
  all.reduce((at, part) => {
    pcm.set(part, at);
    return at + part.length;
  }, 0);
  return pcm;
}

const times = (count: number, part: Float32Array): Float32Array[] => Array.from({ length: count }, () => part);
const textOf = (recognition: Recognition): string => recognition.segments.map((segment) => segment.text).join(' ');
const quiet = (pcm: Float32Array, gain: number): Float32Array => pcm.map((sample) => sample * gain);

const MATERIAL: Readonly<Record<string, () => Float32Array>> = {
  'a sentence nine times without a pause': () => joined(0, ...times(9, harvard(6))),
  'a sentence seven times with half a second between': () => joined(0.5, ...times(7, harvard(6))),
  'a sentence six times': () => joined(0, ...times(6, harvard(1))),
  'a sentence three times after a louder one': () => joined(0.4, clip('jfk.wav'), ...times(3, harvard(5))),
  'six sentences with pauses of 1.2 s': () => joined(1.2, ...[1, 2, 3, 4, 5, 6].map(harvard)),
  'speech between noises': () =>
    joined(
      0.3,
      quiet(clip('noise-dog.wav').subarray(0, 48_000), 0.3),
      harvard(2),
      silence(3),
      clip('noise-thunder.wav').subarray(0, 64_000),
      harvard(4),
    ),
  'two voices at once, then one': () => joined(0.4, clip('two-speakers-stereo.wav'), harvard(3)),
  'a cut inside words': () => clip('jfk.wav').subarray(20_800, 150_000),
  'noise alone': () => clip('noise-babble.wav').subarray(0, 160_000),
};

for (const { name, skip, load } of MODELS) {
  suite(`Text and words of ${name}`, { skip }, () => {
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

    // The larger model takes its time: every third recording is enough for it.
    for (const [what, pcm] of Object.entries(MATERIAL).filter((_, i) => name !== 'whisper-base' || i % 3 === 0)) {
      test(`Asking for words changes neither text, segments nor what is filtered: ${what}`, async () => {
        const plain = await recognize(pcm());
        const worded = await recognize(pcm(), { wordTimestamps: true });
        const judged = ({ segments, filtered }: Recognition): unknown => ({
          segments: segments.map(({ text, tokens, confidence, avgLogprob, noSpeechProb, compressionRatio }) => ({
            text,
            tokens,
            confidence,
            avgLogprob,
            noSpeechProb,
            compressionRatio,
          })),
          filtered,
        });
        assert.deepEqual(judged(worded), judged(plain));
        const unspaced = (text: string): string => text.replace(/\s+/gu, '');
        for (const segment of worded.segments) {
          assert.ok(segment.words !== undefined && segment.words.length > 0, segment.text);
          assert.equal(unspaced(segment.words.map((word) => word.word).join('')), unspaced(segment.text));
          for (const { word } of segment.words) assert.match(word, /[\p{L}\p{N}]/u, `${word} in ${segment.text}`);
        }
      });
    }

    // whisper-base writes such a recording as one sentence over all of it.
    if (name === 'whisper-base') return;
    test('A sentence that is really said again and again is heard each time, and its words lie where it is said', async () => {
      const sentence = harvard(6);
      const worded = await recognize(joined(0.5, ...times(7, sentence)), { wordTimestamps: true });
      const heard = plainWords(textOf(worded)).split('the pencils have all been used').length - 1;
      // Moonshine writes six of the seven, and gives no exact times.
      assert.ok(heard >= (name === 'moonshine-tiny' ? 6 : 7), textOf(worded));
      assert.deepEqual(
        worded.filtered.filter((one) => one.text !== ''),
        [],
      );
      if (name === 'moonshine-tiny') return;
      const firsts = worded.segments
        .flatMap((segment) => segment.words ?? [])
        .filter(({ word }) => plainWords(word) === 'pencils');
      firsts.forEach(({ startMs, endMs }, i) => {
        const saidMs = i * (sentence.length / 16 + 500) + 300;
        assert.ok(
          Math.abs(startMs - saidMs) < 500 && endMs > startMs,
          `${String(i)}: ${String(startMs)} to ${String(endMs)}, said near ${String(saidMs)}`,
        );
      });
    });
  });
}
