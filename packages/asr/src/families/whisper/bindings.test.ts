import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import {
  boolTensor,
  float16Tensor,
  float32Tensor,
  int64Tensor,
  openSession,
  zerosTensor,
  type Binding,
  type OnnxSession,
  type OnnxTensor,
  type TensorSpec,
} from '@murmuration/onnx';
import type { Dtype } from '../../models/model-files.js';
import { CACHE_DIR, DECODE, NO_RECORDINGS, recording, toFloats } from '../../testing/material.js';
import { clip, modelFolder, skipWithoutReferences } from '../../testing/references.js';
import { never, options } from '../../testing/whisper-tiny.js';
import { loadMoonshine } from '../moonshine/moonshine-family.js';
import { floatToHalf } from './model/graph-tensors.js';
import { loadWhisper } from './whisper-family.js';

// Both bindings reach the same library: on a CPU every bit of every output is the same, and with it every token.

const BINDINGS: readonly Binding[] = ['node', 'native'];
const MODELS = ['whisper-tiny.en', 'whisper-base', 'whisper-random-multilingual'];
const WIDTH_OF_A_HEAD = 64;

type Results = Record<string, OnnxTensor>;

/** A tensor of numbers that look like none in particular, the same in every run. */
function noise(spec: TensorSpec, dims: readonly number[]): OnnxTensor {
  const values = Float32Array.from(
    { length: dims.reduce((product, dim) => product * dim, 1) },
    (_, at) => 0.4 * Math.sin(at * 12.9898 + at * at * 1e-4),
  );
  return spec.type === 'float16' ? float16Tensor(floatToHalf(values), dims) : float32Tensor(values, dims);
}

/** Numbers where the graph states them, else `free`'s. */
function dimsOf(spec: TensorSpec, free: readonly number[]): number[] {
  return spec.shape.map((dim, at) => (typeof dim === 'number' ? dim : (free[at] ?? 1)));
}

/** Everything that a graph of a folder gives: of a decoder for a prompt, and for a step after it. */
async function everything(session: OnnxSession): Promise<Results[]> {
  const hidden = session.inputs.find((spec) => spec.name === 'encoder_hidden_states');
  if (hidden === undefined) {
    const [features] = session.inputs;
    assert.ok(features !== undefined);
    return [await session.run({ [features.name]: noise(features, dimsOf(features, [1, 80, 3_000])) })];
  }
  const states = noise(hidden, dimsOf(hidden, [2, 1_500, 384]));
  const caches = session.inputs.filter((spec) => spec.name.startsWith('past_key_values.'));
  const first = await session.run({
    ...Object.fromEntries(
      caches.map((spec) => [
        spec.name,
        zerosTensor(spec.type as 'float32', dimsOf(spec, [2, 6, 0, WIDTH_OF_A_HEAD]).with(2, 0)),
      ]),
    ),
    input_ids: int64Tensor(BigInt64Array.of(50n, 60n, 70n, 51n, 61n, 71n), [2, 3]),
    encoder_hidden_states: states,
    use_cache_branch: boolTensor(false),
  });
  const past = caches.map((spec): [string, OnnxTensor] => {
    const present = first[spec.name.replace('past_key_values.', 'present.')];
    assert.ok(present !== undefined);
    return [spec.name, present];
  });
  const next = await session.run({
    ...Object.fromEntries(past),
    input_ids: int64Tensor(BigInt64Array.of(80n, 81n), [2, 1]),
    encoder_hidden_states: states,
    use_cache_branch: boolTensor(true),
  });
  return [first, next];
}

function bytesOf({ data }: OnnxTensor): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

describe('Both bindings on a CPU', { skip: skipWithoutReferences }, () => {
  for (const model of MODELS) {
    const folder = `${modelFolder(model)}/onnx`;
    const files = skipWithoutReferences === false ? readdirSync(folder).filter((name) => name.endsWith('.onnx')) : [];
    for (const file of files)
      test(`give the same bits for ${model}, ${file}`, async () => {
        const given: Results[][] = [];
        for (const binding of BINDINGS) {
          const session = await openSession(`${folder}/${file}`, { device: 'cpu', threads: 1, binding });
          given.push(await everything(session));
          await session.close();
        }
        const [node = [], native = []] = given;
        assert.equal(native.length, node.length);
        node.forEach((results, step) => {
          assert.deepEqual(Object.keys(native[step] ?? {}), Object.keys(results));
          for (const [name, tensor] of Object.entries(results)) {
            const other = native[step]?.[name];
            assert.ok(other !== undefined);
            assert.deepEqual([other.type, other.dims], [tensor.type, [...tensor.dims]], name);
            assert.ok(bytesOf(other).equals(bytesOf(tensor)), `${name} differs in step ${String(step)}`);
          }
        });
      });
  }

  for (const [model, dtype] of [
    ['whisper-tiny.en', 'fp16'],
    ['whisper-tiny.en', 'int8'],
    ['whisper-base', 'int8'],
  ] as const)
    test(`write the same tokens, times and figures with ${model} in ${dtype}`, async () => {
      const rows = ['jfk.wav', 'harvard-spk1-1.wav', 'harvard-spk1-2.wav'].map((file) => ({
        pcm: clip(file),
        options: options({
          wordTimestamps: true,
          language: 'en',
        }),
      }));
      const written = [];
      for (const binding of BINDINGS) {
        const recognizer = await loadWhisper({ folder: modelFolder(model), dtype, device: 'cpu', threads: 1, binding });
        after(() => recognizer.close());
        written.push(await recognizer.recognize(rows, never));
      }
      assert.ok((written[0]?.length ?? 0) > 0);
      assert.deepEqual(written[1], written[0]);
    });
});

describe('Both bindings on a CPU, Moonshine', { skip: NO_RECORDINGS }, () => {
  for (const dtype of ['int8', 'fp32'] as const satisfies readonly Dtype[])
    test(`write the same tokens, times and figures in ${dtype}`, async () => {
      const rows = ['jfk.wav', 'harvard-spk1-1.wav', 'harvard-spk1-2.wav'].map((file) => ({
        pcm: toFloats(recording(file)),
        options: { ...DECODE, wordTimestamps: true },
      }));
      const written = [];
      for (const binding of BINDINGS) {
        const recognizer = await loadMoonshine({
          id: 'moonshine-tiny',
          slug: 'moonshine-tiny',
          folder: `${CACHE_DIR}/moonshine-tiny`,
          dtype,
          device: 'cpu',
          threads: 1,
          binding,
        });
        const said = [];
        // Their lengths differ, so each is a batch of its own.
        for (const row of rows) said.push(...(await recognizer.recognize([row], never)));
        written.push(said);
        await recognizer.close();
      }
      assert.deepEqual(written[1], written[0]);
    });
});
