import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { float32Tensor, openSession, parseModel } from '@murmuration/onnx';
import { openDecoder } from '../families/whisper/model/open-decoder.js';
import { SplitDecoderGraph } from '../families/whisper/model/split-decoder-graph.js';
import { tokenMask } from '../families/whisper/model/token-scores.js';
import { benchShape } from './bench-shape.js';
import { writeGraph } from './random/random-whisper.js';
import { randomDecoder, randomEncoder } from './random/random-whisper-graphs.js';
import { WHISPER_SHAPES, type WhisperShape } from './random/shapes.js';

const SMALL: WhisperShape = {
  width: 128,
  heads: 2,
  encoderLayers: 1,
  decoderLayers: 2,
  mels: 80,
  vocabulary: 51_866,
};
const CPU = { device: 'cpu', threads: 1 } as const;

describe('models of random weights', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'random-whisper-'));
  });
  after(async () => {
    await rm(folder, { recursive: true });
  });

  for (const dtype of ['fp32', 'fp16', 'int8'] as const)
    test(`are loaded in ${dtype}, and write as many tokens as they are asked for`, async () => {
      const options = {
        ...CPU,
        shape: SMALL,
        dtype,
        folder: join(folder, dtype),
        batchSizes: [1, 3],
        tokens: 5,
        rounds: 1,
      };
      const told: number[] = [];
      const figures = await benchShape({ ...options, onFigure: ({ batch }) => told.push(batch) });
      assert.deepEqual(told, [1, 3]);
      for (const figure of figures)
        // A further step is a difference of times.
        for (const [name, value] of Object.entries({ ...figure, stepMs: 1 }))
          assert.ok(value > 0, `${name} is ${String(value)}`);
      const [one, three] = figures;
      assert.ok(one !== undefined && three !== undefined);
      // Of an int8 file on a CPU scores are told inside; the others' graphs give all of them, in float32.
      assert.ok(dtype === 'int8' ? one.stepHostBytes < 100 : one.stepHostBytes > 4 * SMALL.vocabulary);
      assert.ok(Math.abs(three.stepHostBytes - 3 * one.stepHostBytes) < 100);
    });

  test('are rewritten for a graphics card as published ones are', async () => {
    const path = join(folder, 'fp16', 'onnx', 'decoder_model_merged_fp16.onnx');
    const forCard = await openDecoder(path, SMALL, tokenMask(50_257, [], []), CPU, true);
    assert.ok(forCard instanceof SplitDecoderGraph);
    assert.deepEqual([...forCard.attentionLayers], [0, 1]);
    await forCard.close();
  });

  test('have the numbers of weights that were published', () => {
    // Source: the table of models in the README of openai/whisper; millions.
    for (const [name, millions] of [
      ['tiny', 39],
      ['base', 74],
      ['small', 244],
      ['medium', 769],
      ['large-v3', 1_550],
      ['large-v3-turbo', 809],
    ] as const) {
      const shape = WHISPER_SHAPES[name];
      assert.ok(shape !== undefined);
      const bytes = randomEncoder(shape, 'fp16').weights.bytes + randomDecoder(shape, 'fp16').weights.bytes;
      assert.ok(Math.abs(bytes / 2e6 / millions - 1) < 0.05, `${name} has ${String(bytes / 2e6)} million weights`);
    }
  });

  test('keep weights beside the graph where they are too many for one file, and compute the same', async () => {
    const graph = randomEncoder(SMALL, 'fp32');
    const features = float32Tensor(new Float32Array(80 * 3_000).fill(0.1), [1, 80, 3_000]);
    const computed: unknown[] = [];
    for (const mostInsideBytes of [graph.weights.bytes, 1_000]) {
      const path = join(folder, `encoder-${String(mostInsideBytes)}.onnx`);
      await writeGraph(path, randomEncoder(SMALL, 'fp32'), mostInsideBytes);
      const beside = await stat(`${path}_data`).catch(() => null);
      assert.equal((beside?.size ?? 0) > 0.9 * graph.weights.bytes, mostInsideBytes === 1_000);
      const session = await openSession(path, CPU);
      computed.push((await session.run({ input_features: features }))['last_hidden_state']?.data);
      await session.close();
    }
    assert.deepEqual(computed[1], computed[0]);
  });

  test('of an unknown shape are refused with those that are known', async () => {
    await assert.rejects(
      benchShape({ ...CPU, shape: 'huge', dtype: 'fp16', folder, batchSizes: [1], tokens: 1, rounds: 1 }),
      /the shape huge is unknown: use one of tiny, tiny\.en/,
    );
  });

  test('a graph with branches is written as it was read', async () => {
    const bytes = await readFile(join(folder, 'fp16', 'onnx', 'decoder_model_merged_fp16.onnx'));
    const { graph } = parseModel(bytes);
    assert.deepEqual(
      [...(graph.nodes.find((node) => node.opType === 'If')?.graphs.keys() ?? [])],
      ['then_branch', 'else_branch'],
    );
  });
});
