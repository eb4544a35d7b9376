import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  dimensionsOf,
  float32Initializer,
  float32Tensor,
  int64Tensor,
  onnxNode,
  openSession,
  parseModel,
  valueInfo,
  type OnnxGraph,
  type OnnxTensor,
} from '@murmuration/onnx';
import { CACHE_DIR } from '../testing/material.js';
import { modelFolder } from '../testing/references.js';
import { joinProducts } from './joined-products.js';
import { rewriteLinearLayers } from './linear-layers.js';
import { decoderBranches, giveCaches, serializeBranch } from './merged-decoder.js';
import { simplifyOneTokenStep } from './one-token-step.js';
import { simplifyRotations } from './rotary-step.js';

/** Decoders with the most operations that a step may have after each edit; as they are, 1,279, 652 and 924. */
const DECODERS = [
  { file: join(CACHE_DIR, 'moonshine-tiny/decoder_model_merged.onnx'), most: [930, 830, 785] },
  { file: `${modelFolder('whisper-tiny.en')}/onnx/decoder_model_merged_quantized.onnx`, most: [470, 470, 445] },
  { file: `${modelFolder('whisper-base')}/onnx/decoder_model_merged_quantized.onnx`, most: [700, 700, 660] },
] as const;
/** Each comes after those before it. */
const EDITS = [simplifyOneTokenStep, simplifyRotations, joinProducts];
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
function furtherStep(file: Uint8Array, edits: readonly ((graph: OnnxGraph) => void)[]): Uint8Array {
  const branches = decoderBranches(file);
  const { model, next } = branches;
  for (const edit of edits) edit(next);
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

describe('A step of one token', () => {
  for (const { file, most } of DECODERS) {
    const skip = existsSync(file) ? false : `there is no ${file}`;
    const name = file.split('/').find((part) => part.startsWith('moonshine') || part.startsWith('whisper'));
    test(
      `${String(name)} gives the same bits with fewer operations, whatever rows and tokens so far`,
      { skip },
      async () => {
        const bytes = readFileSync(file);
        const asItIs = furtherStep(bytes, []);
        const edited = EDITS.map((_, at) => furtherStep(bytes, EDITS.slice(0, at + 1)));
        const counts = edited.map(operations);
        assert.ok(
          counts.every((count, at) => count <= (most[at] ?? 0)),
          `${String(operations(asItIs))} to ${String(counts)}`,
        );
        // An edit that changes nothing needs no session.
        const different = edited.filter((_, at) => counts[at] !== counts[at - 1]);
        const sessions = await Promise.all(
          [asItIs, ...different].map((graph) => openSession(graph, { device: 'cpu', threads: 1 })),
        );
        const { graph } = parseModel(asItIs);
        for (const [rows, past] of STEPS) {
          const feeds = feedsFor(graph, rows, past);
          const [expected = {}, ...others] = await Promise.all(sessions.map((session) => session.run(feeds)));
          for (const actual of others) {
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
        }
        for (const session of sessions) await session.close();
      },
    );
  }

  test('What is not known to change nothing stays: values that move, a mask that hides, operations that are not followed', () => {
    const graph: OnnxGraph = {
      nodes: [
        onnxNode('Transpose', ['keys'], ['turned'], { perm: [0, 1, 3, 2] }),
        onnxNode('Add', ['keys', 'mask'], ['masked']),
        onnxNode('Unknown', ['keys'], ['changed']),
        onnxNode('Reshape', ['changed', 'shape'], ['reshaped']),
        onnxNode('Transpose', ['reshaped'], ['turned_too'], { perm: [0, 2, 1, 3] }),
        onnxNode('Concat', ['masked', 'reshaped'], ['both'], { axis: -1 }),
        onnxNode('MatMulInteger', ['input_ids', 'shape'], ['product']),
      ],
      initializers: new Map([['mask', float32Initializer('mask', [2], Float32Array.of(0, -1))]]),
      inputs: [
        valueInfo('input_ids', 'int64', ['rows', 'tokens']),
        valueInfo('keys', 'float32', ['rows', 4, 'past', 2]),
        valueInfo('shape', 'int64', [4]),
      ],
      outputs: [],
      rest: [],
    };
    const before = structuredClone(graph);
    for (const edit of EDITS) edit(graph);
    assert.deepEqual(graph, before);
  });
});
