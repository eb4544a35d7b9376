import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { float32Tensor, onnxNode, openSession, parseModel, serializeModel } from '@murmuration/onnx';
import { modelFolder, skipWithoutReferences } from '../testing/references.js';
import { recording, toFloats } from '../testing/material.js';
import { LogMelExtractor } from '../families/whisper/features/log-mel.js';
import { attentionHeadByHead } from './attention-heads.js';

/** Files with their heads and layers: one scales queries and keys, the other their product. */
const ENCODERS = [
  ['whisper-tiny.en', 6, 4],
  ['whisper-base', 8, 6],
] as const;
const read = (model: string): Buffer => readFileSync(`${modelFolder(model)}/onnx/encoder_model_quantized.onnx`);

async function hidden(file: Uint8Array, features: Float32Array): Promise<Float32Array> {
  const session = await openSession(file, { device: 'cpu', threads: 1 });
  try {
    const { last_hidden_state: state } = await session.run({ input_features: float32Tensor(features, [1, 80, 3_000]) });
    return state?.data as Float32Array;
  } finally {
    await session.close();
  }
}

describe('attentionHeadByHead', { skip: skipWithoutReferences }, () => {
  for (const [model, heads, layers] of ENCODERS) {
    test(`${model} gives the values of its file bit by bit, from one softmax a head and layer`, async () => {
      const file = read(model);
      const rewritten = attentionHeadByHead(file, heads);
      assert.ok(rewritten !== null);
      const softmaxes = parseModel(rewritten).graph.nodes.filter((node) => node.opType === 'Softmax');
      assert.equal(softmaxes.length, heads * layers);
      const { values } = new LogMelExtractor(80).extract(toFloats(recording('jfk.wav')));
      assert.deepEqual(await hidden(rewritten, values), await hidden(file, values));
    });
  }

  test('A graph without attention, and one whose weights of attention are read elsewhere, are left as they are', () => {
    const without = parseModel(read('whisper-tiny.en'));
    without.graph.nodes = without.graph.nodes.map((node) =>
      node.opType === 'Softmax' ? onnxNode('Identity', node.inputs, node.outputs) : node,
    );
    assert.equal(attentionHeadByHead(serializeModel(without), 6), null);
    const observed = parseModel(read('whisper-tiny.en'));
    observed.graph.nodes.push(
      ...observed.graph.nodes
        .filter((node) => node.opType === 'Softmax')
        .map((node, at) => onnxNode('Identity', [node.outputs[0] ?? ''], [`weights_${String(at)}`])),
    );
    assert.equal(attentionHeadByHead(serializeModel(observed), 6), null);
  });
});
