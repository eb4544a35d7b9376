import { valueInfo, type OnnxNode, type ValueInfo } from '@murmuration/onnx';
import { END_TOKEN } from '../../families/moonshine/moonshine-decoder.js';
import { cacheChoice } from './cache-choice.js';
import { GraphWriter } from './graph-writer.js';
import type { MoonshineShape } from './moonshine-shapes.js';
import { RandomWeights } from './random-weights.js';
import type { DeclaredGraph } from './random-whisper-graphs.js';

const FLOAT = 1;
/** Base of the wave lengths by which positions turn. */
const THETA = 10_000;
/** What keeps the end token from being the likeliest: random weights would end a text anywhere. */
const NEVER = -1e9;

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

/** The merged decoder: a first step and all others as the branches of an `If`. It never writes the end. */
export function randomMoonshineDecoder(shape: MoonshineShape): DeclaredGraph {
  const { width, heads, vocabulary } = shape;
  const weights = new RandomWeights('float32');
  const caches = Array.from({ length: shape.decoderLayers }, (_, layer) =>
    ['decoder.key', 'decoder.value', 'encoder.key', 'encoder.value'].map((name) => `${String(layer)}.${name}`),
  ).flat();
  const cache = (name: string, length: string): ValueInfo =>
    valueInfo(name, 'float32', ['batch_size', heads, length, width / heads]);
  const logits = valueInfo('logits', 'float32', ['batch_size', 'tokens', vocabulary]);
  // The runtime takes dimensions of one name for equal.
  const given = (withCache: boolean): ValueInfo[] => [
    logits,
    ...caches.map((name) =>
      cache(`present.${name}`, name.includes('decoder') ? 'tokens_so_far' : withCache ? 'nothing' : 'positions'),
    ),
  ];
  const choice = cacheChoice((withCache) => decoderNodes(shape, weights, withCache), given);
  return {
    weights,
    nodes: [choice],
    inputs: [
      valueInfo('input_ids', 'int64', ['batch_size', 'tokens']),
      valueInfo('encoder_hidden_states', 'float32', ['batch_size', 'positions', width]),
      ...caches.map((name) => cache(`past_key_values.${name}`, name.includes('encoder') ? 'positions' : 'past')),
      valueInfo('use_cache_branch', 'bool', [1]),
    ],
    outputs: given(false),
  };
}

function decoderNodes(shape: MoonshineShape, weights: RandomWeights, withCache: boolean): OnnxNode[] {
  const { width, vocabulary } = shape;
  const prefix = withCache ? 'next/' : 'first/';
  const graph = new GraphWriter(weights, prefix, true);
  const past = withCache ? graph.lengthOf('past_key_values.0.decoder.key', 2) : weights.integers(0);
  const turns = turnsOf(graph, shape, past, graph.add('Add', [past, graph.lengthOf('input_ids', 1)]));
  let states = graph.embedding('input_ids', 'embed_tokens.weight', [vocabulary, width]);
  for (let layer = 0; layer < shape.decoderLayers; layer++) {
    const name = `layers.${String(layer)}`;
    const cache = (of: string): string => `${String(layer)}.${of}`;
    const normal = graph.layerNorm(states, `${name}.input_layernorm`, width);
    const self = { shape, name: `${name}.self_attn` };
    const own = withCache
      ? {
          keys: joined(graph, cache('decoder.key'), keysOf(graph, normal, self, turns)),
          values: joined(graph, cache('decoder.value'), valuesOf(graph, normal, self)),
        }
      : {
          keys: keysOf(graph, normal, self, turns, `present.${cache('decoder.key')}`),
          values: valuesOf(graph, normal, self, `present.${cache('decoder.value')}`),
        };
    const said = attended(graph, normal, { ...self, keys: turnedKeys(graph, own.keys), values: own.values }, turns);
    states = graph.add('Add', [states, said]);
    const asking = graph.layerNorm(states, `${name}.post_attention_layernorm`, width);
    const cross = { shape, name: `${name}.encoder_attn` };
    const heard = withCache
      ? {
          keys: turnedKeys(graph, `past_key_values.${cache('encoder.key')}`),
          values: `past_key_values.${cache('encoder.value')}`,
        }
      : heardFirst(graph, cross, layer);
    if (withCache) for (const of of ['encoder.key', 'encoder.value']) giveNothing(graph, `present.${cache(of)}`, shape);
    states = graph.add('Add', [states, attended(graph, asking, { ...cross, ...heard }, null)]);
    states = graph.add('Add', [
      states,
      gated(graph, graph.layerNorm(states, `${name}.final_layernorm`, width), name, width),
    ]);
  }
  const scores = graph.scores(
    graph.layerNorm(states, 'norm', width),
    'embed_tokens.weight',
    [vocabulary, width],
    `${prefix}scores`,
  );
  const open = weights.floats('never_ending', [vocabulary], () =>
    new Float32Array(vocabulary).fill(NEVER, END_TOKEN, END_TOKEN + 1),
  );
  graph.add('Add', [scores, open], {}, 'logits');
  return graph.nodes;
}

/** Cosine and sine of each position's turn: [length, turned]. */
interface Turns {
  readonly cos: string;
  readonly sin: string;
}

function turnsOf(graph: GraphWriter, { turned }: MoonshineShape, from: string, to: string): Turns {
  const frequencies = graph.weights.floats('turns', [turned], () =>
    Float32Array.from({ length: turned }, (_, at) => THETA ** (-(2 * Math.floor(at / 2)) / turned)),
  );
  const positions = graph.add('Cast', [graph.add('Range', [from, to, graph.weights.integers(1)])], { to: FLOAT });
  const angles = graph.add('Mul', [graph.add('Unsqueeze', [positions, graph.weights.integers([1])]), frequencies]);
  return { cos: graph.add('Cos', [angles]), sin: graph.add('Sin', [angles]) };
}

interface Projection {
  readonly shape: MoonshineShape;
  readonly name: string;
}

/** The states through a layer, head by head: [rows, heads, positions, width of a head]. */
function perHead(
  graph: GraphWriter,
  states: string,
  name: string,
  { width, heads }: MoonshineShape,
  output?: string,
): string {
  const flat = graph.linear(states, name, [width, width], false);
  const split = graph.reshape(flat, [graph.lengthOf(states, 0), -1, heads, width / heads]);
  return graph.add('Transpose', [split], { perm: [0, 2, 1, 3] }, output);
}

function keysOf(
  graph: GraphWriter,
  states: string,
  { shape, name }: Projection,
  turns: Turns,
  output?: string,
): string {
  return turnedBy(graph, perHead(graph, states, `${name}.k_proj`, shape), shape, turns, output);
}

function valuesOf(graph: GraphWriter, states: string, { shape, name }: Projection, output?: string): string {
  return perHead(graph, states, `${name}.v_proj`, shape, output);
}

/** Keys as the product with queries takes them: [rows, heads, width of a head, positions]. */
function turnedKeys(graph: GraphWriter, keys: string): string {
  return graph.add('Transpose', [keys], { perm: [0, 1, 3, 2] });
}

/** Pairs of the first part of each head's width, turned by their positions' angles. */
function turnedBy(
  graph: GraphWriter,
  value: string,
  { turned, width, heads }: MoonshineShape,
  { cos, sin }: Turns,
  output?: string,
): string {
  const list = (one: number): string => graph.weights.integers([one]);
  const part = (of: string, from: number, to: number, step = 1): string =>
    graph.add('Slice', [of, list(from), list(to), list(3), list(step)]);
  const front = part(value, 0, turned);
  const ahead = graph.add('Unsqueeze', [graph.add('Neg', [part(front, 1, turned, 2)]), list(-1)]);
  const behind = graph.add('Unsqueeze', [part(front, 0, turned, 2), list(-1)]);
  const swapped = graph.reshape(graph.add('Concat', [ahead, behind], { axis: -1 }), [0, 0, 0, turned]);
  const both = graph.add('Add', [graph.add('Mul', [front, cos]), graph.add('Mul', [swapped, sin])]);
  return graph.add('Concat', [both, part(value, turned, width / heads)], { axis: -1 }, output);
}

/** Softmax(queries · keys) · values through the attention's last layer. @param turns of the queries; null where positions do not matter */
function attended(
  graph: GraphWriter,
  states: string,
  { shape, name, keys, values }: Projection & { readonly keys: string; readonly values: string },
  turns: Turns | null,
): string {
  const { width, heads } = shape;
  const plain = perHead(graph, states, `${name}.q_proj`, shape);
  const queries = turns === null ? plain : turnedBy(graph, plain, shape, turns);
  // The exporter scales both by the root of the scale.
  const scale = Math.fround((width / heads) ** -0.25);
  const product = graph.add('MatMul', [graph.scaled(queries, scale), graph.scaled(keys, scale)]);
  const summed = graph.add('MatMul', [graph.add('Softmax', [product], { axis: -1 }), values]);
  const flat = graph.reshape(graph.add('Transpose', [summed], { perm: [0, 2, 1, 3] }), [
    graph.lengthOf(states, 0),
    graph.lengthOf(states, 1),
    width,
  ]);
  return graph.linear(flat, `${name}.o_proj`, [width, width], false);
}

/** What the first step makes of the encoder's states: its caches, and the keys turned out of what these are made of, as the exporter writes it. */
function heardFirst(
  graph: GraphWriter,
  { shape, name }: Projection,
  layer: number,
): { readonly keys: string; readonly values: string } {
  const { width, heads } = shape;
  const states = 'encoder_hidden_states';
  const split = graph.reshape(graph.linear(states, `${name}.k_proj`, [width, width], false), [
    graph.lengthOf(states, 0),
    -1,
    heads,
    width / heads,
  ]);
  graph.add('Transpose', [split], { perm: [0, 2, 1, 3] }, `present.${String(layer)}.encoder.key`);
  return {
    keys: graph.add('Transpose', [split], { perm: [0, 2, 3, 1] }),
    values: perHead(graph, states, `${name}.v_proj`, shape, `present.${String(layer)}.encoder.value`),
  };
}

function joined(graph: GraphWriter, cache: string, fresh: string): string {
  return graph.add('Concat', [`past_key_values.${cache}`, fresh], { axis: 2 }, `present.${cache}`);
}

/** With a cache the encoder's keys and values are not given again. */
function giveNothing(graph: GraphWriter, name: string, { width, heads }: MoonshineShape): void {
  const nothing = graph.weights.floats('no_cache', [0, heads, 1, width / heads], () => new Float32Array(0));
  graph.add('Identity', [nothing], {}, name);
}

/** SiLU(gate) · value between two layers. */
function gated(graph: GraphWriter, states: string, name: string, width: number): string {
  const list = (one: number): string => graph.weights.integers([one]);
  const both = graph.linear(states, `${name}.mlp.fc1`, [width, 8 * width]);
  const half = (from: number): string =>
    graph.add('Slice', [both, list(from), list(from + 4 * width), list(2), list(1)]);
  const gate = half(4 * width);
  const open = graph.add('Mul', [gate, graph.add('Sigmoid', [gate])]);
  return graph.linear(graph.add('Mul', [open, half(0)]), `${name}.mlp.fc2`, [4 * width, width]);
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
