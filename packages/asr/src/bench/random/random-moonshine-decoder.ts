import { valueInfo, type OnnxNode, type ValueInfo } from '@murmuration/onnx';
import { END_TOKEN } from '../../families/moonshine/decoder-rows.js';
import { cacheChoice, GraphWriter } from './graph-writer.js';
import { attended, keysOf, perHead, turnedKeys, turnsOf, valuesOf, type Projection } from './random-attention.js';
import { RandomWeights } from './random-weights.js';
import type { DeclaredGraph } from './random-whisper-graphs.js';
import type { MoonshineShape } from './shapes.js';

/** What keeps the end token from being the likeliest: random weights would end a text anywhere. */
const NEVER = -1e9;

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
