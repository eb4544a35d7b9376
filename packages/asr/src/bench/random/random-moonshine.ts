import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { valueInfo } from '@murmuration/onnx';
import { GraphWriter } from './graph-writer.js';
import { attended, keysOf, turnedKeys, turnsOf, valuesOf } from './random-attention.js';
import { RandomWeights } from './random-weights.js';
import type { DeclaredGraph } from './random-whisper-graphs.js';
import type { MoonshineShape } from './shapes.js';
import { randomMoonshineDecoder } from './random-moonshine-decoder.js';
import { writeGraph } from './random-whisper.js';

/**
 * Writes a Moonshine of random weights: the two files of one that is published, in 8 bits. It writes nonsense, and never ends a text before its limit.
 * @param folder is made anew
 */
export async function writeRandomMoonshine(folder: string, shape: MoonshineShape): Promise<void> {
  const making = `${folder}.part`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true });
  await writeGraph(join(making, 'encoder_model.onnx'), randomMoonshineEncoder(shape));
  await writeGraph(join(making, 'decoder_model_merged.onnx'), randomMoonshineDecoder(shape));
  await rm(folder, { recursive: true, force: true });
  await rename(making, folder);
}

/** The encoder, in 8 bits as it is published: sound of any length in, a state for every 24 ms out. */
export function randomMoonshineEncoder(shape: MoonshineShape): DeclaredGraph {
  const { width } = shape;
  const weights = new RandomWeights('float32');
  const graph = new GraphWriter(weights, '', true);
  const sound = graph.add('Unsqueeze', ['input_values', weights.integers([1])]);
  const first = graph.add('Tanh', [convolution(graph, sound, 'conv1', [1, width, 127], 64, false)]);
  const second = graph.gelu(convolution(graph, groupNorm(graph, first, width), 'conv2', [width, 2 * width, 7], 3));
  const third = graph.gelu(convolution(graph, second, 'conv3', [2 * width, width, 3], 2));
  let states = graph.add('Transpose', [third], { perm: [0, 2, 1] });
  const turns = turnsOf(graph, shape, weights.integers(0), graph.lengthOf(states, 1));
  for (let layer = 0; layer < shape.encoderLayers; layer++) {
    const name = `layers.${String(layer)}`;
    const normal = graph.layerNorm(states, `${name}.input_layernorm`, width);
    const own = { shape, name: `${name}.self_attn` };
    const keys = keysOf(graph, normal, own, turns);
    const heard = attended(
      graph,
      normal,
      { ...own, keys: turnedKeys(graph, keys), values: valuesOf(graph, normal, own) },
      turns,
    );
    states = graph.add('Add', [states, heard]);
    const between = graph.layerNorm(states, `${name}.post_attention_layernorm`, width);
    const wide = graph.gelu(graph.linear(between, `${name}.mlp.fc1`, [width, 4 * width]));
    states = graph.add('Add', [states, graph.linear(wide, `${name}.mlp.fc2`, [4 * width, width])]);
  }
  graph.add('Identity', [graph.layerNorm(states, 'layer_norm', width)], {}, 'last_hidden_state');
  return {
    weights,
    nodes: graph.nodes,
    inputs: [valueInfo('input_values', 'float32', ['batch_size', 'num_samples'])],
    outputs: [valueInfo('last_hidden_state', 'float32', ['batch_size', 'frames', width])],
  };
}

function convolution(
  graph: GraphWriter,
  value: string,
  name: string,
  [from, to, kernel]: readonly [from: number, to: number, kernel: number],
  stride: number,
  bias = true,
): string {
  const { weights } = graph;
  const inputs = [
    value,
    weights.random(`${name}.weight`, [to, from, kernel]),
    ...(bias ? [weights.floats(`${name}.bias`, [to], () => new Float32Array(to))] : []),
  ];
  return graph.add('Conv', inputs, {
    dilations: [1],
    group: 1,
    kernel_shape: [kernel],
    pads: [0, 0],
    strides: [stride],
  });
}

/** One group over all channels, as the exporter writes it. */
function groupNorm(graph: GraphWriter, value: string, width: number): string {
  const { weights } = graph;
  const ones = (name: string, dims: readonly number[]): string =>
    weights.floats(name, dims, () => new Float32Array(dims.reduce((product, dim) => product * dim, 1)).fill(1));
  const flat = graph.reshape(value, [0, 1, -1]);
  const zero = weights.floats('groupnorm.zero', [1], () => new Float32Array(1));
  const normal = graph.add('InstanceNormalization', [flat, ones('groupnorm.one', [1]), zero]);
  const shaped = graph.add('Reshape', [normal, graph.add('Shape', [value])]);
  const scaled = graph.add('Mul', [shaped, ones('groupnorm.weight', [width, 1])]);
  return graph.add('Add', [scaled, weights.floats('groupnorm.bias', [width, 1], () => new Float32Array(width))]);
}
