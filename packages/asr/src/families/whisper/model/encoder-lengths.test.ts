import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { float32Tensor, onnxNode, openSession, parseModel, serializeModel, type OnnxSession } from '@murmuration/onnx';
import { modelFolder, skipWithoutReferences } from '../../../testing/references.js';
import { seededRandom } from '../decoding/token-chooser.js';
import { encoderOfAnyLength } from './encoder-lengths.js';

/** Files, and how far a value may be off on average: the runtime rounds otherwise where lengths are free, and int8 makes steps of that. */
const FILES = [
  ['whisper-tiny.en/onnx/encoder_model_quantized.onnx', 0.05],
  ['whisper-tiny.en/onnx/encoder_model_fp16.onnx', 0],
  ['whisper-random-multilingual/onnx/encoder_model.onnx', 0],
] as const;
const CPU = { device: 'cpu', threads: 1 } as const;
const read = (file: string): Buffer => readFileSync(modelFolder(file));

async function encode(
  session: OnnxSession,
  features: Float32Array,
): Promise<{ dims: readonly number[]; data: Float32Array }> {
  const input = float32Tensor(features, [1, 80, features.length / 80]);
  const { last_hidden_state: hidden } = await session.run({ input_features: input });
  return { dims: hidden?.dims ?? [], data: hidden?.data as Float32Array };
}

function noise(frames: number): Float32Array {
  const random = seededRandom(frames);
  return Float32Array.from({ length: 80 * frames }, () => random() - 0.5);
}

describe('encoderOfAnyLength', { skip: skipWithoutReferences }, () => {
  for (const [file, tolerance] of FILES) {
    test(`${file} gives 30 s the values of the file, and shorter windows a position for every two frames`, async () => {
      const bytes = read(file);
      const rewritten = encoderOfAnyLength(bytes);
      assert.ok(rewritten !== null);
      const [before, after] = [await openSession(bytes, CPU), await openSession(rewritten, CPU)];
      try {
        const features = noise(3_000);
        const [expected, found] = [await encode(before, features), await encode(after, features)];
        assert.deepEqual(found.dims, expected.dims);
        const off = found.data.reduce((sum, value, at) => sum + Math.abs(value - (expected.data[at] ?? NaN)), 0);
        assert.ok(off / found.data.length <= tolerance, String(off / found.data.length));
        const short = await encode(after, noise(1_100));
        assert.equal(short.dims[1], 550);
        await assert.rejects(encode(before, noise(1_100)));
      } finally {
        await before.close();
        await after.close();
      }
    });
  }

  test('A graph without a table of positions is left as it is', () => {
    const model = parseModel(read(FILES[2][0]));
    model.graph.nodes = model.graph.nodes.map((node) =>
      node.opType === 'Add' ? onnxNode('Sub', node.inputs, node.outputs) : node,
    );
    assert.equal(encoderOfAnyLength(serializeModel(model)), null);
  });
});
