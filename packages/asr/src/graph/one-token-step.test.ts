import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  dimensionsOf,
  float32Tensor,
  int64Tensor,
  openSession,
  parseModel,
  valueInfo,
  type OnnxGraph,
  type OnnxTensor,
} from '@murmuration/onnx';
import { CACHE_DIR } from '../testing/material.js';
import { modelFolder } from '../testing/references.js';
import { rewriteLinearLayers } from './linear-layers.js';
import { decoderBranches, giveCaches, serializeBranch } from './merged-decoder.js';
import { simplifyOneTokenStep } from './one-token-step.js';

/** Decoders with the most operations that a simplified step may have, where as it is it has 1,279, 652 and 924. */
const DECODERS = [
  { file: join(CACHE_DIR, 'moonshine-tiny/decoder_model_merged.onnx'), most: 930 },
  { file: `${modelFolder('whisper-tiny.en')}/onnx/decoder_model_merged_quantized.onnx`, most: 470 },
  { file: `${modelFolder('whisper-base')}/onnx/decoder_model_merged_quantized.onnx`, most: 700 },
] as const;
/** Rows and tokens so far. */
const STEPS = [
  [1, 1],
  [1, 40],
  [3, 2],
  [4, 17],
  [8, 64],
] as const;
const POSITIONS = 50;

/** The graph of further steps with its logits and caches as outputs. */
function furtherStep(file: Uint8Array, edit: (graph: OnnxGraph) => void): Uint8Array {
  const branches = decoderBranches(file);
  const { model, next } = branches;
  edit(next);
  giveCaches(branches, next, 'decoder', false);
  next.outputs.push(valueInfo('logits', 'float32', ['rows', 'tokens', 'vocabulary']));
  rewriteLinearLayers(next, 'int8-per-row');
  return serializeBranch(model, next);
}

function operations(bytes: Uint8Array): number {
  return parseModel(bytes).graph.nodes.filter((node) => node.opType !== 'Constant').length;
}

function feedsFor(graph: OnnxGraph, rows: number, past: number): Record<string, OnnxTensor> {
  let at = 0;
  const feeds = graph.inputs.map(({ name, ...rest }): [string, OnnxTensor] => {
    if (name === 'input_ids')
      return [
        name,
        int64Tensor(
          BigInt64Array.from({ length: rows }, (_, row) => BigInt(40 + 7 * row)),
          [rows, 1],
        ),
      ];
    const [, heads = 0, , width = 0] = dimensionsOf({ name, ...rest }).map(Number);
    const dims = [rows, heads, name.includes('.decoder.') ? past : POSITIONS, width];
    const size = dims.reduce((product, dim) => product * dim, 1);
    return [
      name,
      float32Tensor(
        Float32Array.from({ length: size }, () => 2 * Math.sin(++at * 12.9898)),
        dims,
      ),
    ];
  });
  return Object.fromEntries(feeds);
}

describe('simplifyOneTokenStep', () => {
  for (const { file, most } of DECODERS) {
    const skip = existsSync(file) ? false : `there is no ${file}`;
    const name = file.split('/').find((part) => part.startsWith('moonshine') || part.startsWith('whisper'));
    test(
      `${String(name)} gives the same bits with fewer operations, whatever rows and tokens so far`,
      { skip },
      async () => {
        const bytes = readFileSync(file);
        const asItIs = furtherStep(bytes, () => undefined);
        const simplified = furtherStep(bytes, simplifyOneTokenStep);
        assert.ok(operations(simplified) <= most, `${String(operations(asItIs))} to ${String(operations(simplified))}`);
        const sessions = await Promise.all(
          [asItIs, simplified].map((graph) => openSession(graph, { device: 'cpu', threads: 1 })),
        );
        const { graph } = parseModel(simplified);
        for (const [rows, past] of STEPS) {
          const feeds = feedsFor(graph, rows, past);
          const [expected = {}, actual = {}] = await Promise.all(sessions.map((session) => session.run(feeds)));
          assert.deepEqual(Object.keys(actual), Object.keys(expected));
          for (const [output, tensor] of Object.entries(expected)) {
            assert.deepEqual(actual[output]?.dims, tensor.dims, output);
            // -0 equals 0 here, and nothing else is equal that differs by a bit.
            const values = actual[output].data;
            assert.equal(
              tensor.data.findIndex((value, index) => value !== values[index]),
              -1,
              `${output} of ${String(rows)} rows after ${String(past)} tokens`,
            );
          }
        }
        for (const session of sessions) await session.close();
      },
    );
  }
});
