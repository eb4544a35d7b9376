import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { onnxNode, parseModel, serializeModel, valueInfo } from '@murmuration/onnx';
import { modelFolder, skipWithoutReferences } from '../../../testing/references.js';
import { splitWhisperDecoder } from './split-decoder.js';
import { tokenMask } from './token-scores.js';

const mask = tokenMask(10, [3, 12], [4]);
const decoder = (model: string, name: string): Uint8Array => readFileSync(`${modelFolder(model)}/onnx/${name}`);

test('Text is masked apart from the tokens from the end of the text on', () => {
  assert.deepEqual(mask, {
    endOfText: 10,
    suppress: [3],
    beginSuppress: [3, 4],
    suppressTail: [12],
    beginSuppressTail: [12],
  });
});

test(
  'An int8 decoder becomes two graphs, in which nothing is scaled over the batch any more',
  { skip: skipWithoutReferences },
  () => {
    const graphs = splitWhisperDecoder(
      decoder('whisper-tiny.en', 'decoder_model_merged_quantized.onnx'),
      tokenMask(50_256, [], []),
      false,
    );
    assert.ok(graphs !== null);
    const first = graphs.first();
    for (const bytes of [first, graphs.next()]) {
      const { graph } = parseModel(bytes);
      const operations = graph.nodes.map((node) => node.opType);
      assert.ok(!operations.includes('DynamicQuantizeLinear') && !operations.includes('If'));
      // Queries, keys and values of a layer may be one product, which is split.
      const joined = graph.nodes.filter((node) => node.opType === 'Split').flatMap((node) => node.outputs.slice(1));
      assert.ok(operations.filter((operation) => operation === 'MatMulInteger').length + joined.length >= 33);
      assert.equal(joined.length, bytes === first ? 0 : 8);
      const scores =
        bytes === first
          ? ['best_text', 'best_text_logprob', 'tail_logprobs', 'logprobs']
          : ['choices', 'choice_logprobs', 'logprobs'];
      assert.deepEqual(
        scores.filter((name) => !graph.outputs.some((output) => output.name === name)),
        [],
      );
    }
  },
);

test(
  'Large constants that both graphs take from the file are named, to be held once',
  { skip: skipWithoutReferences },
  () => {
    const file = decoder('whisper-tiny.en', 'decoder_model_merged_fp16.onnx');
    const graphs = splitWhisperDecoder(file, tokenMask(50_256, [1], [2]), true);
    assert.ok(graphs !== null);
    const bytes = [...graphs.shared.values()].reduce((sum, constant) => sum + constant.length, 0);
    // What the first step makes of the encoder's states is its own.
    assert.ok(bytes > 0.95 * file.length && bytes < file.length, String(bytes / file.length));
    for (const written of [graphs.first(), graphs.next()]) {
      const { initializers } = parseModel(written).graph;
      for (const [name, constant] of graphs.shared)
        assert.ok(Buffer.compare(initializers.get(name) ?? Buffer.of(), constant) === 0, name);
      // Scores are masked differently.
      assert.ok(initializers.has('text_mask') && !graphs.shared.has('text_mask'));
    }
  },
);

test(
  'A decoder without quantised products is left as it is, and so is what is no merged decoder',
  { skip: skipWithoutReferences },
  () => {
    assert.equal(
      splitWhisperDecoder(decoder('whisper-random-multilingual', 'decoder_model_merged.onnx'), mask, false),
      null,
    );
    assert.equal(splitWhisperDecoder(decoder('whisper-tiny.en', 'encoder_model_quantized.onnx'), mask, false), null);
    const other = parseModel(decoder('whisper-random-multilingual', 'encoder_model.onnx'));
    other.graph.nodes = [onnxNode('Identity', ['input_features'], ['y'])];
    other.graph.outputs = [valueInfo('y', 'float32', ['rows', 80, 3_000])];
    assert.equal(splitWhisperDecoder(serializeModel(other), mask, false), null);
    assert.equal(splitWhisperDecoder(Uint8Array.of(1, 2, 3), mask, false), null);
  },
);
