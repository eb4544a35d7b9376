import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseModel, type OnnxNode } from '@murmuration/onnx';
import { CACHE_DIR } from '../testing/material.js';
import { benchMoonshineShape, isMoonshineShape } from './bench-moonshine-shape.js';
import { MOONSHINE_SHAPES, type MoonshineShape } from './random/shapes.js';
import { randomMoonshineDecoder } from './random/random-moonshine-decoder.js';
import { randomMoonshineEncoder } from './random/random-moonshine.js';

const CPU = { device: 'cpu', threads: 1 } as const;
const SMALL: MoonshineShape = {
  width: 64,
  heads: 2,
  encoderLayers: 1,
  decoderLayers: 2,
  turned: 16,
  vocabulary: 512,
};

describe('Moonshines of random weights', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'random-moonshine-'));
  });
  after(() => rm(folder, { recursive: true }));

  for (const dtype of ['int8', 'fp32'] as const)
    test(`are loaded in ${dtype} as published ones are, and measured`, async () => {
      const told: number[] = [];
      const figures = await benchMoonshineShape({
        ...CPU,
        shape: SMALL,
        dtype,
        folder: join(folder, 'small'),
        batchSizes: [1, 3],
        tokens: 12,
        rounds: 1,
        onFigure: ({ batch }) => told.push(batch),
      });
      assert.deepEqual(told, [1, 3]);
      for (const figure of figures)
        // A further step is a difference of times.
        for (const [name, value] of Object.entries({ ...figure, stepMs: 1 }))
          assert.ok(value > 0, `${name} is ${String(value)}`);
    });

  test('have the numbers of weights that were published', () => {
    // Source: the model cards of UsefulSensors/moonshine-*; millions.
    for (const [name, millions] of [
      ['moonshine-tiny', 27.1],
      ['moonshine-base', 61.5],
    ] as const) {
      const shape = MOONSHINE_SHAPES[name];
      assert.ok(shape !== undefined && isMoonshineShape(name));
      const weights = randomMoonshineEncoder(shape).weights.numbers + randomMoonshineDecoder(shape).weights.numbers;
      assert.ok(Math.abs(weights / 1e6 / millions - 1) < 0.02, `${name} has ${String(weights / 1e6)} million weights`);
    }
  });

  const published = join(CACHE_DIR, 'moonshine-tiny');
  test(
    'have as many products, convolutions and turns as the published tiny one',
    { skip: existsSync(published) ? false : 'moonshine-tiny is not there' },
    () => {
      const shape = MOONSHINE_SHAPES['moonshine-tiny'];
      assert.ok(shape !== undefined);
      const counted = (nodes: readonly OnnxNode[]): Record<string, number> =>
        Object.fromEntries(
          [
            'MatMulInteger',
            'MatMul',
            'Conv',
            'Softmax',
            'Neg',
            'Erf',
            'Sigmoid',
            'Cos',
            'Tanh',
            'InstanceNormalization',
          ].map((type) => [type, nodes.filter(({ opType }) => opType === type).length]),
        );
      const branches = (nodes: readonly OnnxNode[]): Record<string, number>[] => {
        const graphs = nodes.find(({ opType }) => opType === 'If')?.graphs;
        return ['else_branch', 'then_branch'].map((branch) => counted(graphs?.get(branch)?.nodes ?? []));
      };
      const read = (name: string): readonly OnnxNode[] => parseModel(readFileSync(join(published, name))).graph.nodes;
      const encoder = counted(read('encoder_model.onnx'));
      // The angles of positions are a product of matrices in the file.
      const withAngles = (of: Record<string, number>): Record<string, number> => ({
        ...of,
        MatMul: (of['MatMul'] ?? 0) + 1,
      });
      assert.deepEqual(withAngles(counted(randomMoonshineEncoder(shape).nodes)), encoder);
      assert.deepEqual(
        branches(randomMoonshineDecoder(shape).nodes).map(withAngles),
        branches(read('decoder_model_merged.onnx')),
      );
    },
  );

  test('of an unknown shape are refused with those that are known', async () => {
    await assert.rejects(
      benchMoonshineShape({ ...CPU, shape: 'huge', dtype: 'int8', folder, batchSizes: [1], tokens: 1, rounds: 1 }),
      /the shape huge is unknown: use one of moonshine-tiny, moonshine-base/,
    );
  });
});
