import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Recognition } from '@murmuration/contracts';
import type { Binding, Device, OnnxTensor } from '@murmuration/onnx';
import { writeRandomWhisper } from '../../bench/random/random-whisper.js';
import { WHISPER_SHAPES } from '../../bench/random/shapes.js';
import { clip, modelFolder, skipWithoutReferences } from '../../testing/references.js';
import { changedModel, never, options } from '../../testing/whisper-tiny.js';
import { buildPrompt } from './decoding/prompt-tokens.js';
import { LogMelExtractor, WINDOW_FRAMES } from './features/log-mel.js';
import { loadWhisperParts } from './whisper-family.js';
import type { WhisperParts } from './whisper-parts.js';
import { WhisperRecognizer } from './whisper-recognizer.js';
import type { EncodedAudio, GenerationRequest } from './model/speech-model.js';

/** Ids, counts and limits of a batch: host traffic that is there in any case. */
const SMALL_CHANGE_BYTES = 64 * 1_024;

const promptOf = ({ vocabulary, settings }: WhisperParts): readonly number[] =>
  buildPrompt(
    vocabulary,
    { language: 'en', task: 'transcribe', timestamps: true, prompt: '', hotwords: '', previous: [] },
    settings.maxTokens,
  ).tokens;
const hiddenIn = (audio: EncodedAudio): OnnxTensor => (audio as unknown as { readonly hidden: OnnxTensor }).hidden;

/** A model on the CPU by the native binding, whose encoder and decoder are made as for a graphics card or as for a CPU; its windows are those of a card. */
const load = (model: string, dtype: 'fp16' | 'fp32', onCard: boolean): Promise<WhisperParts> =>
  loadWhisperParts(
    { folder: modelFolder(model), dtype, device: 'cpu', threads: 1, binding: 'native', shortWindows: false },
    onCard,
  );

describe('Whisper made as for a graphics card', { skip: skipWithoutReferences }, () => {
  for (const [model, dtype] of [
    ['whisper-tiny.en', 'fp16'],
    ['whisper-random-multilingual', 'fp32'],
  ] as const) {
    test(`writes what ${model} does on a CPU, and gives up all that it encoded`, async () => {
      const pcm = ['harvard-spk1-1.wav', 'harvard-spk1-2.wav'].map(clip);
      const wordTimestamps = model === 'whisper-tiny.en';
      const chosen = options({ wordTimestamps, filter: { ...options().filter, enabled: false } });
      const written: Recognition[][] = [];
      for (const onCard of [false, true]) {
        const loaded = await load(model, dtype, onCard);
        // Random weights write until the limit.
        const parts = wordTimestamps ? loaded : { ...loaded, settings: { ...loaded.settings, maxTokens: 24 } };
        const encoded: EncodedAudio[] = [];
        const recognizer = new WhisperRecognizer(model, {
          ...parts,
          model: changedModel(parts.model, {
            encode: async (features, rows) => {
              const audio = await parts.model.encode(features, rows);
              assert.equal(hiddenIn(audio).place, onCard ? 'device' : 'host');
              encoded.push(audio);
              return audio;
            },
          }),
        });
        const rows = pcm.map((one, row) => ({
          pcm: one,
          // Prompts of two lengths: the batch is divided.
          options: { ...chosen, prompt: row === 1 ? 'Sentences' : '' },
        }));
        written.push(await recognizer.recognize(rows, never));
        await recognizer.detectLanguage(rows);
        assert.ok(encoded.length > 0);
        if (onCard) for (const audio of encoded) assert.throws(() => hiddenIn(audio).keepRows([0]), /given up/);
        await recognizer.close();
      }
      const [onCpu, onCard] = written.map((recognitions) =>
        recognitions.map(({ segments, language }) => ({
          language,
          segments: segments.map(({ text, startMs, endMs, words }) => ({
            text,
            startMs,
            endMs,
            words: words?.map((word) => [word.word, word.startMs, word.endMs]),
          })),
        })),
      );
      assert.deepEqual(onCard, onCpu);
    });
  }

  test('What the encoder gives does not pass through the host on its way to the decoder', async () => {
    const bytes: number[] = [];
    for (const onCard of [false, true]) {
      const parts = await load('whisper-tiny.en', 'fp16', onCard);
      const { windowHostBytes } = await parts.model.rehearse(2, WINDOW_FRAMES, promptOf(parts), () =>
        performance.now(),
      );
      bytes.push(windowHostBytes);
      await parts.model.close();
    }
    const [onCpu = 0, onCard = 0] = bytes;
    // The FP16 files of the hub take and give float32.
    const features = 2 * 80 * WINDOW_FRAMES * 4;
    const hidden = 2 * 1_500 * 384 * 4;
    assert.ok(onCard >= features && onCard < features + SMALL_CHANGE_BYTES, String(onCard));
    assert.ok(onCpu > onCard + hidden, String(onCpu));
  });
});

/** A graphics card in software, which Chromium brings along; found by this variable, which the runtime reads when it is first used. */
const SOFTWARE_CARD = '/usr/lib/chromium/vk_swiftshader_icd.json';

describe(
  'Whisper by WebGPU, on a card in software',
  { skip: existsSync(SOFTWARE_CARD) ? false : `there is no ${SOFTWARE_CARD} (Debian: chromium)` },
  () => {
    let folder = '';
    before(async () => {
      process.env['VK_ICD_FILENAMES'] = SOFTWARE_CARD;
      folder = await mkdtemp(join(tmpdir(), 'whisper-on-card-'));
      const tiny = WHISPER_SHAPES['tiny'];
      assert.ok(tiny !== undefined);
      await writeRandomWhisper(folder, { ...tiny, width: 64, heads: 1, encoderLayers: 1, decoderLayers: 1 }, 'fp32');
    });
    after(() => rm(folder, { recursive: true }));

    test('The encoder hands what it gives to the decoder on the card, and the same tokens are written', async () => {
      const written: (readonly number[])[][] = [];
      for (const [device, binding] of [
        ['cpu', 'native'],
        ['webgpu', 'node'],
      ] as const satisfies readonly (readonly [Device, Binding])[]) {
        const parts = await loadWhisperParts({ folder, dtype: 'fp32', device, binding, threads: 1 });
        const prompt = promptOf(parts);
        const features = new LogMelExtractor(parts.settings.mels).extract(
          Float32Array.from({ length: 480_000 }, (_, at) => 0.1 * Math.sin(at / 9) * Math.sin(at / 999)),
        ).values;
        const both = new Float32Array(2 * features.length);
        both.set(features);
        both.set(features.toReversed(), features.length);
        const audio = await parts.model.encode(both, 2);
        if (device === 'webgpu') assert.throws(() => hiddenIn(audio).data, /on a device/);
        const requestFor = (row: number): GenerationRequest => ({
          row,
          prompt,
          startIndex: prompt.length - 3,
          timestamps: true,
          maxNewTokens: 4,
          temperature: 0,
          seed: 0,
          lastTime: null,
          loops: never,
        });
        const generations = [
          ...(await parts.model.generate(audio, [requestFor(0), requestFor(1)], never)),
          // One row alone: a part of what was encoded.
          ...(await parts.model.generate(audio, [requestFor(1)], never)),
        ];
        written.push(generations.map((one) => one.tokens));
        audio.dispose();
        await parts.model.close();
      }
      const [onCpu, onCard] = written;
      assert.equal(onCpu?.[0]?.length, 4);
      assert.deepEqual(onCard, onCpu);
    });
  },
);
