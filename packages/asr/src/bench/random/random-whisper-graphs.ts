import {
  intField,
  onnxNode,
  stringField,
  valueInfo,
  type OnnxModel,
  type OnnxNode,
  type ValueInfo,
} from '@murmuration/onnx';
import { attend, feedForward, keysAndValues, type Attention } from './random-attention.js';
import { cacheChoice, GraphWriter } from './graph-writer.js';
import { RandomWeights } from './random-weights.js';
import type { WhisperShape } from './shapes.js';
import type { WhisperDtype } from '../../models/model-folder.js';

/** Positions of a window and of a text. */
const POSITIONS = 1_500;
const TOKENS = 448;

/** A graph whose constants are declared but not made yet. */
export interface DeclaredGraph {
  readonly weights: RandomWeights;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

const TO = { float32: 1, float16: 10 } as const;

/** The model around a graph, with its constants. */
export function modelOf({ nodes, inputs, outputs }: DeclaredGraph, initializers: Map<string, Uint8Array>): OnnxModel {
  return {
    graph: {
      nodes: [...nodes],
      initializers,
      inputs: [...inputs],
      outputs: [...outputs],
      rest: [stringField(2, 'main')],
    },
    rest: [intField(1, IR_VERSION)],
  };
}

const IR_VERSION = 8;
/** Of the standard operators: the first with LayerNormalization. */
export const OPSET = 17;

/** The encoder: float32 in and out, whatever its weights are. */
export function randomEncoder(shape: WhisperShape, dtype: WhisperDtype): DeclaredGraph {
  const { width, heads, mels } = shape;
  const float = floatOf(dtype);
  const weights = new RandomWeights(float);
  const graph = new GraphWriter(weights, '', dtype === 'int8');
  const features = float === 'float16' ? graph.add('Cast', ['input_features'], { to: TO.float16 }) : 'input_features';
  const first = graph.gelu(graph.convolution(features, 'conv1', [mels, width], 1));
  const second = graph.gelu(graph.convolution(first, 'conv2', [width, width], 2));
  let states = graph.add('Add', [
    graph.add('Transpose', [second], { perm: [0, 2, 1] }),
    weights.random('embed_positions.weight', [POSITIONS, width]),
  ]);
  for (let layer = 0; layer < shape.encoderLayers; layer++) {
    const name = `layers.${String(layer)}`;
    const own: Attention = { name: `${name}.self_attn`, width, heads };
    const normal = graph.layerNorm(states, `${name}.self_attn_layer_norm`, width);
    const { result } = attend(graph, normal, keysAndValues(graph, normal, own), own, null);
    states = feedForward(graph, graph.add('Add', [states, result]), name, width);
  }
  const last = graph.layerNorm(states, 'layer_norm', width);
  if (float === 'float16') graph.add('Cast', [last], { to: TO.float32 }, 'last_hidden_state');
  else graph.add('Identity', [last], {}, 'last_hidden_state');
  return {
    weights,
    nodes: graph.nodes,
    inputs: [valueInfo('input_features', 'float32', ['batch_size', mels, 2 * POSITIONS])],
    outputs: [valueInfo('last_hidden_state', 'float32', ['batch_size', POSITIONS, width])],
  };
}

/** The merged decoder, with attentions: a first step and all others as the branches of an `If`. Caches are of the weights' floats. */
export function randomDecoder(shape: WhisperShape, dtype: WhisperDtype): DeclaredGraph {
  const { width, heads, decoderLayers } = shape;
  const float = floatOf(dtype);
  const weights = new RandomWeights(float);
  const half = float === 'float16';
  const layers = Array.from({ length: decoderLayers }, (_, layer) => layer);
  const caches = layers.flatMap((layer) =>
    ['decoder.key', 'decoder.value', 'encoder.key', 'encoder.value'].map((name) => `${String(layer)}.${name}`),
  );
  const cacheShape = (name: string, length: string): ValueInfo =>
    valueInfo(name, float, ['batch_size', heads, length, width / heads]);
  const logits = half ? 'logits_fp16' : 'logits';
  // The runtime takes dimensions of one name for equal.
  const lengthOf = (name: string, withCache: boolean): string =>
    name.includes('decoder') ? 'tokens_so_far' : withCache ? 'nothing' : 'positions';
  const given = (withCache: boolean): ValueInfo[] => [
    valueInfo(logits, float, ['batch_size', 'tokens', shape.vocabulary]),
    ...caches.map((name) => cacheShape(`present.${name}`, lengthOf(name, withCache))),
    ...layers.map((layer) =>
      valueInfo(`cross_attentions.${String(layer)}`, float, ['batch_size', heads, 'tokens', 'positions']),
    ),
  ];
  const hidden = half ? 'encoder_hidden_states_fp16' : 'encoder_hidden_states';
  const choice = cacheChoice((withCache) => decoderNodes(shape, dtype, weights, { withCache, hidden, logits }), given);
  return {
    weights,
    nodes: half
      ? [
          onnxNode('Cast', ['encoder_hidden_states'], [hidden], { to: TO.float16 }),
          choice,
          onnxNode('Cast', [logits], ['logits'], { to: TO.float32 }),
        ]
      : [choice],
    inputs: [
      valueInfo('input_ids', 'int64', ['batch_size', 'tokens']),
      valueInfo('encoder_hidden_states', 'float32', ['batch_size', 'positions', width]),
      ...caches.map((name) => cacheShape(`past_key_values.${name}`, name.includes('encoder') ? 'positions' : 'past')),
      valueInfo('use_cache_branch', 'bool', [1]),
    ],
    outputs: [valueInfo('logits', 'float32', ['batch_size', 'tokens', shape.vocabulary]), ...given(false).slice(1)],
  };
}

interface Branch {
  readonly withCache: boolean;
  /** Names of the encoder's states and of the scores. */
  readonly hidden: string;
  readonly logits: string;
}

function decoderNodes(
  { width, heads, decoderLayers, vocabulary }: WhisperShape,
  dtype: WhisperDtype,
  weights: RandomWeights,
  { withCache, hidden, logits }: Branch,
): OnnxNode[] {
  const graph = new GraphWriter(weights, withCache ? 'next/' : 'first/', dtype === 'int8');
  const past = withCache ? graph.lengthOf('past_key_values.0.decoder.key', 2) : weights.integers(0);
  const end = graph.add('Add', [past, graph.lengthOf('input_ids', 1)]);
  const positions = graph.slice(weights.random('embed_positions.weight', [TOKENS, width]), past, end, 0);
  const mask = graph.slice(graph.slice(causalMask(weights), past, end, 0), 0, end, 1);
  let states = graph.add('Add', [graph.embedding('input_ids', 'embed_tokens.weight', [vocabulary, width]), positions]);
  for (let layer = 0; layer < decoderLayers; layer++) {
    const name = `layers.${String(layer)}`;
    const own: Attention = { name: `${name}.self_attn`, width, heads };
    const cross: Attention = { name: `${name}.encoder_attn`, width, heads };
    const cache = (of: string): string => `${String(layer)}.${of}`;
    const normal = graph.layerNorm(states, `${name}.self_attn_layer_norm`, width);
    const present = { keys: `present.${cache('decoder.key')}`, values: `present.${cache('decoder.value')}` };
    const fresh = keysAndValues(graph, normal, own, withCache ? {} : present);
    if (withCache) {
      graph.add('Concat', [`past_key_values.${cache('decoder.key')}`, fresh.keys], { axis: 2 }, present.keys);
      graph.add('Concat', [`past_key_values.${cache('decoder.value')}`, fresh.values], { axis: 2 }, present.values);
    }
    states = graph.add('Add', [states, attend(graph, normal, present, own, mask).result]);
    const crossNormal = graph.layerNorm(states, `${name}.encoder_attn_layer_norm`, width);
    const heard = withCache
      ? { keys: `past_key_values.${cache('encoder.key')}`, values: `past_key_values.${cache('encoder.value')}` }
      : { keys: `present.${cache('encoder.key')}`, values: `present.${cache('encoder.value')}` };
    if (withCache)
      for (const of of ['encoder.key', 'encoder.value'])
        giveNothing(graph, `present.${cache(of)}`, [heads, width / heads]);
    else keysAndValues(graph, hidden, cross, heard);
    const { result, scores } = attend(graph, crossNormal, heard, cross, null);
    graph.add('Identity', [scores], {}, `cross_attentions.${String(layer)}`);
    states = feedForward(graph, graph.add('Add', [states, result]), name, width);
  }
  graph.scores(graph.layerNorm(states, 'layer_norm', width), 'embed_tokens.weight', [vocabulary, width], logits);
  return graph.nodes;
}

/** With a cache the encoder's keys and values are not given again. */
function giveNothing(graph: GraphWriter, name: string, [heads, headWidth]: readonly [number, number]): void {
  const nothing = graph.weights.floats('no_cache', [0, heads, 1, headWidth], () => new Float32Array(0));
  graph.add('Identity', [nothing], {}, name);
}

function causalMask(weights: RandomWeights): string {
  return weights.floats('causal_mask', [TOKENS, TOKENS], () =>
    Float32Array.from({ length: TOKENS * TOKENS }, (_, at) => (at % TOKENS > Math.floor(at / TOKENS) ? -Infinity : 0)),
  );
}

function floatOf(dtype: WhisperDtype): 'float32' | 'float16' {
  return dtype === 'fp16' ? 'float16' : 'float32';
}
