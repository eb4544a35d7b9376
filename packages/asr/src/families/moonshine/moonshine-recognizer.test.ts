import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { join } from 'node:path';
import type { Recognition } from '@murmuration/contracts';
import { CACHE_DIR, DECODE, NO_RECORDINGS, plainWords, recording, toFloats } from '../../testing/material.js';
import { clip } from '../../testing/references.js';
import { encoderFrames } from './moonshine-encoder.js';
import { loadMoonshine } from './moonshine-family.js';
import type { Recognizer } from '../../recognizer.js';

const JFK = 'and so my fellow americans ask not what your country can do for you ask what you can do for your country';
const NEVER = (): boolean => false;

function textOf(recognition: Recognition | undefined): string {
  return recognition?.segments.map((segment) => segment.text).join(' ') ?? '';
}

suite('Moonshine tiny', { skip: NO_RECORDINGS }, () => {
  let recognizer: Recognizer;
  const load = (dtype: 'int8' | 'fp32' | 'fp16'): Promise<Recognizer> =>
    loadMoonshine({
      id: 'moonshine-tiny',
      slug: 'moonshine-tiny',
      folder: join(CACHE_DIR, 'moonshine-tiny'),
      dtype,
      device: 'cpu',
      threads: 1,
    });
  before(async () => {
    recognizer = await load('int8');
  });
  after(() => recognizer.close());
  const recognize = async (
    clips: readonly Float32Array[],
    cancelled: (row: number) => boolean = NEVER,
  ): Promise<Recognition[]> =>
    recognizer.recognize(
      clips.map((pcm) => ({ pcm, options: DECODE })),
      cancelled,
    );

  test('The speech of jfk.wav comes out word for word, as one segment with its figures', async () => {
    const [recognition] = await recognize([toFloats(recording('jfk.wav'))]);
    const [segment, ...others] = recognition?.segments ?? [];
    assert.ok(segment !== undefined);
    assert.equal(others.length, 0);
    assert.equal(plainWords(segment.text), JFK);
    assert.deepEqual([segment.startMs, segment.endMs, segment.temperature, segment.noSpeechProb], [0, 11_000, 0, 0]);
    assert.ok(segment.confidence > 0.8 && segment.confidence <= 1, String(segment.confidence));
    assert.equal(segment.confidence, Math.exp(segment.avgLogprob));
    assert.ok(segment.compressionRatio > 1 && segment.compressionRatio < 2);
    assert.ok(segment.tokens.length > 20);
    assert.equal(recognition?.language, 'en');
  });

  test('The float form of the same weights says the same', async () => {
    const floats = await load('fp32');
    const [recognition] = await floats.recognize([{ pcm: toFloats(recording('jfk.wav')), options: DECODE }], NEVER);
    assert.equal(plainWords(textOf(recognition)), JFK);
    assert.equal(floats.description.dtype, 'fp32');
    await floats.close();
  });

  test('A form that the model does not have is refused by name', async () => {
    await assert.rejects(load('fp16'), /fp16.*int8/);
  });

  test('A chunk gives the same tokens and the same confidence, bit by bit, alone and in any batch', async () => {
    const speech = toFloats(recording('jfk.wav'));
    const clips = [0, 1, 2, 3, 4, 5].map((at) => speech.slice(at * 20_000, at * 20_000 + 33_000 + at * 5_000));
    const alone: Recognition[] = [];
    for (const clip of clips) alone.push(...(await recognize([clip])));
    assert.ok(alone.filter((recognition) => textOf(recognition) !== '').length >= 5);
    assert.deepEqual(await recognize(clips), alone);
    assert.deepEqual(await recognize(clips.toReversed()), alone.toReversed());
    const [first, , third] = clips;
    assert.ok(first !== undefined && third !== undefined);
    assert.deepEqual(await recognize([third, first]), [alone[2], alone[0]]);
  });

  test('Nor do its tokens and confidence change with longer mates, also where it fills its own step of the grid', async () => {
    const speech = toFloats(recording('jfk.wav'));
    const clips = [16_000, 40_000, 63_000, 64_000, 100_000, 176_000].map((samples, at) =>
      speech.slice(at * 5_000, at * 5_000 + samples),
    );
    const long = new Float32Array(320_000);
    long.set(speech);
    clips.push(long);
    const alone: Recognition[] = [];
    for (const clip of clips) alone.push(...(await recognize([clip])));
    assert.ok(alone.filter((recognition) => textOf(recognition) !== '').length >= 5);
    assert.deepEqual(await recognize(clips), alone);
    for (const row of [1, 3]) {
      const own = clips[row];
      assert.ok(own !== undefined);
      assert.deepEqual((await recognize([own, speech]))[0], alone[row]);
    }
  });

  test('A cancelled row gives nothing, whenever it is cancelled, and the other rows are whole', async () => {
    const clip = toFloats(recording('jfk.wav'));
    const [alone] = await recognize([clip]);
    const fromTheStart = await recognize([clip, clip], (row) => row === 0);
    assert.deepEqual(fromTheStart.map(textOf), ['', textOf(alone)]);
    let asked = 0;
    const later = await recognize([clip, clip, clip], (row) => row === 1 && asked++ > 5);
    assert.deepEqual(later.map(textOf), [textOf(alone), '', textOf(alone)]);
    const all = await recognize([clip, clip], () => true);
    assert.deepEqual(all.map(textOf), ['', '']);
  });

  test('Cancelling every row ends the run between two steps', async () => {
    const clip = toFloats(recording('jfk.wav'));
    let asked = 0;
    const recognitions = await recognize([clip], () => ++asked > 4);
    assert.deepEqual(recognitions.map(textOf), ['']);
    assert.ok(asked < 12, `asked ${String(asked)} times`);
  });

  test('Chunks of a few samples, of silence and of nothing at all are taken', async () => {
    const recognitions = await recognize([
      new Float32Array(1),
      new Float32Array(0),
      new Float32Array(800),
      new Float32Array(32_000),
    ]);
    assert.equal(recognitions.length, 4);
    assert.deepEqual(await recognizer.recognize([], NEVER), []);
  });

  test('Words are spread over what sounds when asked for, and say so', async () => {
    const [recognition] = await recognizer.recognize(
      [{ pcm: toFloats(recording('jfk.wav')), options: { ...DECODE, wordTimestamps: true } }],
      NEVER,
    );
    const words = recognition?.segments[0]?.words ?? [];
    assert.equal(words.map((word) => word.word).join(' '), textOf(recognition));
    assert.ok(words.every((word) => word.approximate === true && word.startMs < word.endMs));
    // The recording begins with a third of a second of breath and hiss.
    assert.ok(Math.abs((words[0]?.startMs ?? 0) - 340) <= 40);
    assert.ok((words.at(-1)?.endMs ?? 0) >= 10_900);
  });

  test('A prompt, which the model cannot take, is reported as cut', async () => {
    const [recognition] = await recognizer.recognize(
      [{ pcm: toFloats(recording('jfk.wav')), options: { ...DECODE, prompt: 'a speech' } }],
      NEVER,
    );
    assert.equal(recognition?.promptTrimmed, true);
    assert.equal(plainWords(textOf(recognition)), JFK);
  });

  test('Hotwords are reported as cut, too', async () => {
    const [recognition] = await recognizer.recognize(
      [{ pcm: toFloats(recording('jfk.wav')), options: { ...DECODE, hotwords: 'Kennedy' } }],
      NEVER,
    );
    assert.equal(recognition?.promptTrimmed, true);
  });

  test('A loop of the model is taken out and listed; with the filters off it shows', async () => {
    // 0.6 s of speech over and over: the model writes its words until its limit.
    const piece = toFloats(recording('jfk.wav')).subarray(5_400 * 16, 6_000 * 16);
    const pcm = Float32Array.from({ length: 8 * 16_000 }, (_, at) => piece[at % piece.length] ?? 0);
    const open = { ...DECODE, filter: { ...DECODE.filter, enabled: false } };
    const [filtered, shown] = await recognizer.recognize(
      [
        { pcm, options: DECODE },
        { pcm, options: open },
      ],
      NEVER,
    );
    assert.equal(filtered?.segments.length, 0);
    assert.deepEqual(
      filtered.filtered.map((one) => one.reason),
      ['repetition'],
    );
    assert.ok((shown?.segments[0]?.compressionRatio ?? 0) > 2.4);
    assert.equal(shown?.filtered.length, 0);
  });

  test('Noise and silence give no text and say so; no speech clip loses a word to a filter', async () => {
    for (const name of ['noise-dog.wav', 'noise-thunder.wav', 'noise-babble.wav', 'silence.wav']) {
      const [recognition] = await recognize([clip(name)]);
      assert.equal(textOf(recognition), '', name);
      assert.ok(recognition !== undefined && recognition.filtered.length > 0, name);
    }
    for (const name of [
      'jfk.wav',
      ...[1, 2, 3, 4, 5, 6].map((n) => `harvard-spk1-${String(n)}.wav`),
      'de.wav',
      'fr.wav',
      'es.wav',
    ]) {
      assert.deepEqual((await recognize([clip(name)]))[0]?.filtered, [], name);
    }
  });

  test('Chunks are padded to the grid of the policy', () => {
    const { gridMs } = recognizer.description.chunkPolicy;
    assert.equal(recognizer.paddedSamples(1), gridMs * 16);
    assert.equal(recognizer.paddedSamples(gridMs * 16), gridMs * 16);
    assert.equal(recognizer.paddedSamples(gridMs * 16 + 1), gridMs * 32);
  });

  test('A rehearsal predicts a time for each batch size', async () => {
    const times = await recognizer.rehearse(64_000, [1, 2], () => performance.now());
    assert.equal(times.length, 2);
    assert.ok(times.every((ms) => ms > 0));
  });
});

test('The number of frames is that of three convolutions', () => {
  assert.equal(encoderFrames(11 * 16_000), 457);
  assert.equal(encoderFrames(0), encoderFrames(1_600));
});
