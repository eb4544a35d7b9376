import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { float32Tensor } from '@murmuration/onnx';
import { modelFolder, skipWithoutReferences } from '../../../testing/references.js';
import type { Decoder } from './decoder.js';
import { disposeState } from './cache-rows.js';
import { openDecoder } from './open-decoder.js';
import { SplitDecoderGraph } from './split-decoder-graph.js';
import { readWhisperSettings } from './whisper-settings.js';
import { tokenMask, withinLimits, type TokenMask } from './token-scores.js';

const CPU = { device: 'cpu', threads: 1, binding: 'native' } as const;
const ROWS = 3;
const STEPS = 5;

interface Step {
  readonly tokens: readonly number[];
  readonly figures: readonly number[];
}

/** Likeliest texts of a few rows over audio of no meaning; after three steps the first row is taken out. */
async function written(decoder: Decoder, width: number, mask: TokenMask): Promise<Step[]> {
  const hidden = float32Tensor(
    Float32Array.from({ length: ROWS * 1_500 * width }, (_, at) => Math.sin(at * 12.9898) * 2),
    [ROWS, 1_500, width],
  );
  const prompt = BigInt64Array.from(Array.from({ length: ROWS }, (_, row) => [50, 60 + row]).flat(), BigInt);
  const { scores, state } = await decoder.first(hidden, prompt, ROWS, [0, 1], false);
  const steps: Step[] = [];
  const limits = { endTo: 50_300, timeFrom: 50_400, timeTo: 51_000 };
  let given = Array.from({ length: ROWS }, (_, row) => withinLimits(scores(row, 1), limits, mask, true));
  for (let step = 0; step < STEPS; step++) {
    const chosen = given;
    steps.push({
      tokens: chosen.flatMap((one) => [one.bestText, one.bestEnd, one.bestTime]),
      figures: chosen.flatMap((one) => [
        one.bestTextLogprob,
        one.bestEndLogprob,
        one.bestTimeLogprob,
        one.timesLogprob,
      ]),
    });
    let tokens = chosen.map((one) => BigInt(one.bestText));
    if (step === 3) {
      await decoder.rows.keep(state, [2, 1]);
      tokens = [tokens[2] ?? 0n, tokens[1] ?? 0n];
    }
    given = [
      ...(await decoder.next(
        state,
        BigInt64Array.from(tokens),
        tokens.map(() => limits),
        false,
      )),
    ];
    for (const cache of [...Object.values(state.encoder), ...Object.values(state.decoder)])
      assert.equal(cache.place, 'device');
  }
  disposeState(state);
  await decoder.close();
  return steps;
}

for (const [model, file] of [
  ['whisper-tiny.en', 'decoder_model_merged_fp16.onnx'],
  ['whisper-random-multilingual', 'decoder_model_merged.onnx'],
] as const)
  test(
    `The graphs for a graphics card write what the file of ${model} does`,
    { skip: skipWithoutReferences },
    async () => {
      const path = `${modelFolder(model)}/onnx/${file}`;
      const { heads, width } = await readWhisperSettings(modelFolder(model));
      const mask = tokenMask(50_256, [1, 2, 3, 50_258, 50_401], [5]);
      const asItIs = await openDecoder(path, { heads, width }, mask, CPU, false);
      const forCard = await openDecoder(path, { heads, width }, mask, CPU, true);
      assert.ok(!(asItIs instanceof SplitDecoderGraph) && forCard instanceof SplitDecoderGraph);
      const expected = await written(asItIs, width, mask);
      const actual = await written(forCard, width, mask);
      assert.deepEqual(
        actual.map(({ tokens }) => tokens),
        expected.map(({ tokens }) => tokens),
      );
      expected.forEach(({ figures }, step) => {
        figures.forEach((figure, at) => {
          const other = actual[step]?.figures[at] ?? NaN;
          assert.ok(Math.abs(figure - other) < 2e-2, `${String(figure)} and ${String(other)} in step ${String(step)}`);
        });
      });
    },
  );

/** A graphics card in software, which Chromium brings along; found by this variable, which the runtime reads when it is first used. */
const SOFTWARE_CARD = '/usr/lib/chromium/vk_swiftshader_icd.json';

test(
  'By WebGPU, on a card in software, the same texts are written, and the caches stay on the card',
  {
    skip:
      skipWithoutReferences || (existsSync(SOFTWARE_CARD) ? false : `there is no ${SOFTWARE_CARD} (Debian: chromium)`),
  },
  async () => {
    process.env['VK_ICD_FILENAMES'] = SOFTWARE_CARD;
    const folder = modelFolder('whisper-random-multilingual');
    const path = `${folder}/onnx/decoder_model_merged.onnx`;
    const { heads, width } = await readWhisperSettings(folder);
    const shape = { heads, width };
    const mask = tokenMask(50_256, [1, 2, 3, 50_258, 50_401], [5]);
    const expected = await written(await openDecoder(path, shape, mask, CPU), width, mask);
    const onCard = await openDecoder(path, shape, mask, { device: 'webgpu', threads: 1 });
    assert.ok(onCard instanceof SplitDecoderGraph);
    assert.equal(onCard.rows.compactAt, 0.5);
    const actual = await written(onCard, width, mask);
    assert.deepEqual(
      actual.map(({ tokens }) => tokens),
      expected.map(({ tokens }) => tokens),
    );
  },
);
