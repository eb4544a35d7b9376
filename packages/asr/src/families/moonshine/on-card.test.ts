import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Recognition } from '@murmuration/contracts';
import { liveHandles, type Binding, type Device } from '@murmuration/onnx';
import { writeRandomMoonshine } from '../../bench/random/random-moonshine.js';
import { CACHE_DIR, DECODE, NO_RECORDINGS } from '../../testing/material.js';
import { clip } from '../../testing/references.js';
import { encoderFrames } from './moonshine-encoder.js';
import { loadMoonshine } from './moonshine-family.js';
import type { MoonshineRecognizer } from './moonshine-recognizer.js';

const NEVER = (): boolean => false;
const UNFILTERED = { ...DECODE, wordTimestamps: true, filter: { ...DECODE.filter, enabled: false } };
const SECOND = 16_000;

/** In float32, with a decoder made as for a graphics card or as for a CPU; by default on a CPU by the native binding. */
const load = (
  folder: string,
  onCard: boolean,
  [device, binding]: readonly [Device, Binding] = ['cpu', 'native'],
): Promise<MoonshineRecognizer> =>
  loadMoonshine({ id: 'moonshine', slug: 'moonshine', folder, dtype: 'fp32', device, binding, threads: 1 }, onCard);

const recognize = (
  recognizer: MoonshineRecognizer,
  clips: readonly Float32Array[],
  cancelled: (row: number) => boolean = NEVER,
): Promise<Recognition[]> =>
  recognizer.recognize(
    clips.map((pcm) => ({ pcm, options: UNFILTERED })),
    cancelled,
  );

/** Tokens, and words with their times. */
const written = (recognitions: readonly Recognition[]) =>
  recognitions.map(({ segments }) =>
    segments.map(({ tokens, words }) => [tokens, words?.map(({ word, startMs, endMs }) => [word, startMs, endMs])]),
  );

/** Host bytes of one further step: of a batch that ends after so many tokens, less one that ends after its first. */
async function stepHostBytes(
  recognizer: MoonshineRecognizer,
  clips: readonly Float32Array[],
  steps: number,
): Promise<number> {
  const bytesOf = async (tokens: number): Promise<number> => {
    const before = recognizer.hostBytes;
    const asked = clips.map(() => 0);
    // Each row is asked for before its first token and before each further one.
    await recognize(recognizer, clips, (row) => (asked[row] = (asked[row] ?? 0) + 1) > tokens);
    return recognizer.hostBytes - before;
  };
  const first = await bytesOf(1);
  return ((await bytesOf(1 + steps)) - first) / steps;
}

describe('Moonshine made as for a graphics card, with speech', { skip: NO_RECORDINGS }, () => {
  let onCpu: MoonshineRecognizer;
  let onCard: MoonshineRecognizer;
  before(async () => {
    const folder = join(CACHE_DIR, 'moonshine-tiny');
    [onCpu, onCard] = [await load(folder, false), await load(folder, true)];
  });
  after(async () => {
    await onCpu.close();
    await onCard.close();
  });

  test('writes what it does on a CPU in batches of mixed lengths, rows leave, and nothing stays behind', async () => {
    const jfk = clip('jfk.wav');
    const harvard = [1, 2, 3, 4, 5, 6].map((n) => clip(`harvard-spk1-${String(n)}.wav`));
    const [first = jfk] = harvard;
    const batches = [
      [jfk, ...harvard, jfk.slice(0, 20_000), new Float32Array(1_600), first.slice(0, 40_000)],
      [first],
      harvard.slice(2).toReversed(),
    ];
    // What sessions keep for their next run is made by the first one.
    for (const recognizer of [onCpu, onCard]) await recognize(recognizer, [first]);
    const handles = liveHandles();
    for (const batch of batches) {
      const expected = written(await recognize(onCpu, batch));
      assert.ok(expected.some((segments) => segments.length > 0));
      assert.deepEqual(written(await recognize(onCard, batch)), expected);
      assert.equal(liveHandles(), handles);
    }
  });

  test('exchanges ids, scores and alignments with the host in a step, no caches', async () => {
    const clips = [clip('jfk.wav'), clip('harvard-spk1-1.wav'), clip('harvard-spk1-2.wav')];
    const frames = encoderFrames(12 * SECOND);
    // Of each row its id, the next one, a log-probability and an alignment.
    assert.equal(await stepHostBytes(onCard, clips, 4), clips.length * (8 + 8 + 4 + frames * 4));
    const caches = clips.length * 6 * 2 * 8 * 36 * frames * 4;
    assert.ok((await stepHostBytes(onCpu, clips, 4)) > caches);
  });
});

/** A graphics card in software, which Chromium brings along; found by this variable, which the runtime reads when it is first used. */
const SOFTWARE_CARD = '/usr/lib/chromium/vk_swiftshader_icd.json';

describe('Moonshine of random weights made as for a graphics card', () => {
  let folder = '';
  /** It writes until its limit, which is the length's: rows end one by one. */
  const clips = [2, 0.5, 1, 0.5, 0.5].map((seconds, at) =>
    Float32Array.from({ length: seconds * SECOND }, (_, i) => 0.1 * Math.sin(i / (9 + at)) * Math.sin(i / 999)),
  );
  before(async () => {
    process.env['VK_ICD_FILENAMES'] = SOFTWARE_CARD;
    folder = join(await mkdtemp(join(tmpdir(), 'moonshine-on-card-')), 'model');
    const shape = { width: 64, heads: 2, encoderLayers: 1, decoderLayers: 2, turned: 16, vocabulary: 512 };
    await writeRandomMoonshine(folder, shape);
  });
  after(() => rm(join(folder, '..'), { recursive: true }));

  test('gives up what lies on the card when a batch ends, is cancelled or fails at any step', async () => {
    const recognizer = await load(folder, true);
    const whole = await recognize(recognizer, clips);
    const handles = liveHandles();
    for (const last of [0, 3, 5, 7, 12, 20]) {
      let asked = 0;
      await recognize(recognizer, clips, () => asked++ >= last);
      assert.equal(liveHandles(), handles, `cancelled after ${String(last)} questions`);
      asked = 0;
      const failing = recognize(recognizer, clips, () => {
        if (asked++ >= last) throw new Error('the queue is gone');
        return false;
      });
      await assert.rejects(failing, /the queue is gone/);
      assert.equal(liveHandles(), handles, `failed after ${String(last)} questions`);
    }
    assert.deepEqual(await recognize(recognizer, clips), whole);
    await recognizer.close();
  });

  test('leaves out rows that are cancelled, and the others are whole', async () => {
    const recognizer = await load(folder, true);
    const whole = written(await recognize(recognizer, clips));
    const fromTheStart = written(await recognize(recognizer, clips, (row) => row === 1));
    assert.deepEqual(fromTheStart, whole.with(1, []));
    const asked = clips.map(() => 0);
    const later = await recognize(recognizer, clips, (row) => row === 0 && (asked[row] = (asked[row] ?? 0) + 1) > 3);
    assert.deepEqual(written(later), whole.with(0, []));
    assert.deepEqual(written(await recognize(recognizer, clips, () => true)), [[], [], [], [], []]);
    await recognizer.close();
  });

  test('is rehearsed in both forms, and nothing stays behind', async () => {
    for (const onCard of [false, true]) {
      const recognizer = await load(folder, onCard);
      await recognize(recognizer, clips);
      const handles = liveHandles();
      const times = await recognizer.rehearse(4 * SECOND, [1, 3], () => performance.now());
      assert.ok(times.length === 2 && times.every((ms) => ms > 0), String(times));
      await assert.rejects(
        recognizer.rehearse(4 * SECOND, [2], failingClock()),
        /the clock has stopped/,
        'a rehearsal that fails',
      );
      assert.equal(liveHandles(), handles);
      await recognizer.close();
    }
  });

  test(
    'writes the same tokens by WebGPU, on a card in software, and its caches stay there',
    { skip: existsSync(SOFTWARE_CARD) ? false : `there is no ${SOFTWARE_CARD} (Debian: chromium)` },
    async () => {
      const all: unknown[] = [];
      const bytes: number[] = [];
      for (const place of [
        ['cpu', 'native'],
        ['webgpu', 'node'],
      ] as const) {
        const recognizer = await load(folder, place[0] !== 'cpu', place);
        all.push(written(await recognize(recognizer, clips)).map((rows) => rows.map(([tokens]) => tokens)));
        bytes.push(await stepHostBytes(recognizer, clips, 2));
        await recognizer.close();
      }
      const [onCpu, onCard] = all;
      assert.deepEqual(onCard, onCpu);
      const [cpuBytes = 0, cardBytes = Infinity] = bytes;
      assert.equal(cardBytes, clips.length * (8 + 8 + 4 + encoderFrames(4 * SECOND) * 4));
      assert.ok(cpuBytes > 5 * cardBytes);
    },
  );
});

/** Stops when the first steps of a rehearsal are over. */
function failingClock(): () => number {
  let asked = 0;
  return () => {
    if (++asked > 9) throw new Error('the clock has stopped');
    return asked;
  };
}
