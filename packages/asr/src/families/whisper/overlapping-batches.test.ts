import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { writeRandomWhisper } from '../../bench/random/random-whisper.js';
import { WHISPER_SHAPES } from '../../bench/random/shapes.js';
import { changedModel, never, options, textOf } from '../../testing/whisper-tiny.js';
import type { RecognizerInput } from '../../recognizer.js';
import { featureThreadsFor, FeatureThreads } from './features/feature-source.js';
import { LogMelExtractor } from './features/log-mel.js';
import type { EncodedAudio, SpeechModel } from './model/speech-model.js';
import { loadWhisper, loadWhisperParts } from './whisper-family.js';
import type { WhisperParts } from './whisper-parts.js';
import { WhisperRecognizer, type Overlap } from './whisper-recognizer.js';

const sound = (pitch: number, seconds = 1): Float32Array =>
  Float32Array.from({ length: seconds * 16_000 }, (_, at) => 0.1 * Math.sin(at / pitch) * Math.sin(at / 999));
const chosen = options({ language: 'en', temperatures: [0], filter: { ...options().filter, enabled: false } });
const batchOf = (...pitches: number[]): RecognizerInput[] =>
  pitches.map((pitch) => ({ pcm: sound(pitch), options: chosen }));

describe('Batches that overlap in a Whisper', () => {
  let folder = '';
  let parts: WhisperParts;
  let features: FeatureThreads;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'whisper-overlap-'));
    const tiny = WHISPER_SHAPES['tiny'];
    assert.ok(tiny !== undefined);
    await writeRandomWhisper(folder, { ...tiny, width: 64, heads: 1, encoderLayers: 1, decoderLayers: 1 }, 'fp32');
    const loaded = await loadWhisperParts({
      folder,
      dtype: 'fp32',
      device: 'cpu',
      binding: 'native',
      threads: 1,
      ahead: true,
    });
    // Random weights write until the limit.
    parts = { ...loaded, settings: { ...loaded.settings, maxTokens: 9 } };
    features = await FeatureThreads.start(parts.settings.mels, 2, new LogMelExtractor(parts.settings.mels));
  });
  after(async () => {
    await features.close();
    await parts.model.close();
    await rm(folder, { recursive: true });
  });

  const over = (changed: Partial<SpeechModel>, overlap: Partial<Overlap> = {}): WhisperRecognizer =>
    new WhisperRecognizer(
      'random',
      { ...parts, model: changedModel(parts.model, changed) },
      { depth: 2, encodes: true, features, ...overlap },
    );

  test('The next batch is encoded while one is written, is written after it, and no text changes by that', async () => {
    let writtenAlone = 0;
    const alone = new WhisperRecognizer('random', {
      ...parts,
      model: changedModel(parts.model, {
        generate: (...given) => {
          writtenAlone++;
          return parts.model.generate(...given);
        },
      }),
    });
    const expected = await alone.recognize(batchOf(9, 11), never);
    const ofFirst = writtenAlone;
    expected.push(...(await alone.recognize(batchOf(13), never)));
    const encoded: EncodedAudio[] = [];
    let written = 0;
    let writtenBeforeSecond: number | null = null;
    let secondEncoded: () => void = () => undefined;
    const waits = new Promise<void>((resolve) => {
      secondEncoded = resolve;
    });
    const recognizer = over({
      encode: async (values, rows) => {
        const audio = await parts.model.encode(values, rows);
        encoded.push(audio);
        if (encoded.length === 2) secondEncoded();
        return audio;
      },
      generate: async (audio, requests, cancelled) => {
        // The first batch is written when the second has been encoded: where it waited for its turn before, this would wait for ever.
        if (written === 0) await waits;
        if (audio === encoded[1]) writtenBeforeSecond ??= written;
        written++;
        return parts.model.generate(audio, requests, cancelled);
      },
    });
    assert.equal(recognizer.pipeline.depth, 2);
    const both = await Promise.all([
      recognizer.recognize(batchOf(9, 11), never),
      recognizer.recognize(batchOf(13), never),
    ]);
    assert.deepEqual([writtenBeforeSecond, written], [ofFirst, writtenAlone]);
    assert.deepEqual(both.flat(), expected);
    assert.notDeepEqual(expected[0]?.segments, expected[2]?.segments);
  });

  test('Without the encoder beside, the next batch waits with its features', async () => {
    const steps: string[] = [];
    const recognizer = over(
      {
        encode: (values, rows) => {
          steps.push('encoded');
          return parts.model.encode(values, rows);
        },
        generate: async (audio, requests, cancelled) => {
          const texts = await parts.model.generate(audio, requests, cancelled);
          steps.push('written');
          return texts;
        },
      },
      { encodes: false },
    );
    await Promise.all([recognizer.recognize(batchOf(9), never), recognizer.recognize(batchOf(13), never)]);
    assert.deepEqual(steps.slice(0, 2), ['encoded', 'written']);
    assert.ok(
      steps.every((step, at) => step !== (at % 2 === 0 ? 'written' : 'encoded')),
      steps.join(),
    );
  });

  test('A batch that fails leaves its turn to the next, and one that is cancelled while it waits is not written', async () => {
    let written = 0;
    let cancelled = false;
    let held = 0;
    const recognizer = over({
      encode: async (values, rows) => {
        const audio = await parts.model.encode(values, rows);
        held++;
        return {
          ...audio,
          rows: audio.rows,
          dispose: () => {
            held--;
            audio.dispose();
          },
        };
      },
      generate: async () => {
        written++;
        cancelled = true;
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error('the device failed');
      },
    });
    const [failed, ended] = await Promise.allSettled([
      recognizer.recognize(batchOf(9), never),
      recognizer.recognize(batchOf(13, 15), () => cancelled),
    ]);
    assert.match(String((failed as PromiseRejectedResult).reason), /the device failed/);
    assert.deepEqual(
      (ended as PromiseFulfilledResult<Awaited<ReturnType<WhisperRecognizer['recognize']>>>).value.map(textOf),
      ['', ''],
    );
    assert.deepEqual([written, held], [1, 0]);
  });

  test('A rehearsal tells what share of a batch comes before its decoder', async () => {
    const recognizer = over({});
    const { preparationShare: unrehearsed } = recognizer.pipeline;
    assert.equal(unrehearsed, 0);
    await recognizer.rehearse(480_000, [1], () => performance.now());
    const { preparationShare } = recognizer.pipeline;
    assert.ok(preparationShare > 0 && preparationShare < 1, String(preparationShare));
  });

  test('A model on a CPU takes one batch at a time unless it is told otherwise', async () => {
    const load = { folder, dtype: 'fp32', device: 'cpu', binding: 'native', threads: 1 } as const;
    for (const [ahead, depth] of [
      [undefined, 1],
      [true, 2],
    ] as const) {
      const recognizer = await loadWhisper({ ...load, ahead });
      assert.equal(recognizer.pipeline.depth, depth);
      await recognizer.close();
    }
  });
});

test('Threads give the features that are computed here, several at once, and one that has ended is done without', async () => {
  const here = new LogMelExtractor(80);
  const threads = await FeatureThreads.start(80, 2, here);
  assert.equal(threads.width, 2);
  const clips = [7, 8, 9, 10].map((pitch) => sound(pitch, 1));
  const found = await Promise.all(clips.map((pcm) => threads.extract(pcm)));
  assert.deepEqual(
    found,
    clips.map((pcm) => here.extract(pcm)),
  );
  await threads.close();
  const [clip] = clips;
  assert.ok(clip !== undefined && clip.length === 16_000, 'the samples are still the caller’s');
  assert.deepEqual(await threads.extract(clip), here.extract(clip));
});

test('A core is left to the device and one to the rest of the process', () => {
  assert.deepEqual([1, 2, 4, 16].map(featureThreadsFor), [1, 1, 2, 4]);
});
