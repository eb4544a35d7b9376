import {
  elementTypeOf,
  parseModel,
  serializeModel,
  valueInfo,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
} from '@murmuration/onnx';
import { GraphLinks } from './graph-links.js';

/** The branches of a merged decoder (one `If`: a first step and all others) as graphs of their own, with the constants and inputs of the whole and no outputs yet. */
export interface DecoderBranches {
  readonly model: OnnxModel;
  readonly first: OnnxGraph;
  readonly next: OnnxGraph;
}

/** Dimensions of the encoder's keys once they are turned, and of all other caches. */
const TURNED_KEYS = ['rows', 'heads', 'head_width', 'positions'];
const CACHE = ['rows', 'heads', 'positions', 'head_width'];
/** The decoder's grow with the text: a name of their own, because the runtime takes dimensions of one name for equal. */
const OWN_CACHE = ['rows', 'heads', 'tokens_so_far', 'head_width'];

/** Splits a merged decoder into its branches. Throws `RangeError` when the file is not one. Weights are views of `file`. */
export function decoderBranches(file: Uint8Array): DecoderBranches {
  const model = parseModel(file);
  const choice = model.graph.nodes.find((node) => node.opType === 'If');
  const first = choice?.graphs.get('else_branch');
  const next = choice?.graphs.get('then_branch');
  if (choice === undefined || first === undefined || next === undefined)
    throw new RangeError('the decoder is not a merged one: it has no If with two branches');
  const alone = (branch: OnnxGraph): OnnxGraph => ({
    ...branch,
    // What stands around the choice, such as casts of an FP16 file, belongs to both.
    nodes: around(choice, model.graph.nodes, branch),
    initializers: new Map([...model.graph.initializers, ...branch.initializers]),
    inputs: [...model.graph.inputs],
    outputs: [],
  });
  return { model, first: alone(first), next: alone(next) };
}

/** The nodes before the choice, those of a branch with its results under the names of the choice's, and the nodes after. */
function around(choice: OnnxNode, nodes: readonly OnnxNode[], branch: OnnxGraph): OnnxNode[] {
  const at = nodes.indexOf(choice);
  const names = new Map(choice.outputs.map((name, index) => [branch.outputs[index]?.name ?? name, name] as const));
  const renamed = (list: readonly string[]): string[] => list.map((name) => names.get(name) ?? name);
  const copies = (part: readonly OnnxNode[]): OnnxNode[] => part.map((node) => ({ ...node }));
  const own = branch.nodes.map((node) => ({ ...node, inputs: renamed(node.inputs), outputs: renamed(node.outputs) }));
  return [...copies(nodes.slice(0, at)), ...own, ...copies(nodes.slice(at + 1))];
}

/** The bytes of one branch, for `openSession`: what its outputs do not need is left out. */
export function serializeBranch(model: OnnxModel, graph: OnnxGraph): Uint8Array {
  dropUnused(graph);
  return serializeModel({ ...model, graph });
}

/** Where a branch attends to the encoder: the product of one layer's queries and keys. */
export interface EncoderAttention {
  readonly key: string;
  readonly product: OnnxNode;
  readonly scores: string;
}

interface KeyPath {
  /** Name of the keys: an output of the first step, an input of all others. */
  readonly key: string;
  /** Makes the keys of the cache; in the first step only. */
  readonly stored: OnnxNode | null;
  /** Makes what the product takes: the turned keys, or these scaled. */
  readonly last: OnnxNode;
  readonly product: OnnxNode;
}

/**
 * Lets the encoder's keys leave the first step turned (and scaled, where the file scales them) as attention needs them, instead of being turned
 * again in every step: a third of a step's time at batch 8. Both branches are changed, or neither where a layer has another shape.
 * Returns the attentions of the `next` branch; null when nothing was changed.
 */
export function turnEncoderKeys({ first, next }: DecoderBranches): EncoderAttention[] | null {
  const nextKeys = next.inputs
    .map((input) => input.name)
    .filter((name) => /^past_key_values\.\d+\.encoder\.key$/.test(name));
  const nextLinks = new GraphLinks(next);
  const nextPaths = nextKeys.flatMap((key) => pathFrom(nextLinks, key, nextLinks.onlyConsumer(key), null) ?? []);
  const firstLinks = new GraphLinks(first);
  const firstPaths = nextKeys.flatMap((key) => {
    const present = key.replace('past_key_values.', 'present.');
    const stored = firstLinks.producer(present);
    if (stored?.opType !== 'Transpose') return [];
    const turned = firstLinks
      .consumers(stored.inputs[0] ?? '')
      .find((other) => other !== stored && other.opType === 'Transpose');
    return pathFrom(firstLinks, present, turned, stored) ?? [];
  });
  if (nextKeys.length === 0 || nextPaths.length < nextKeys.length || firstPaths.length < nextKeys.length) return null;
  for (const { key, stored, last, product } of firstPaths) {
    if (stored !== null) stored.outputs = [`${key}_unused`];
    replaceInput(product, last.outputs[0] ?? '', key);
    last.outputs = [key];
  }
  for (const { key, last, product } of nextPaths) replaceInput(product, last.outputs[0] ?? '', key);
  next.inputs = next.inputs.map((input) =>
    nextKeys.includes(input.name) ? valueInfo(input.name, elementTypeOf(input), TURNED_KEYS) : input,
  );
  return nextPaths.map(({ key, product }) => ({ key, product, scores: product.outputs[0] ?? '' }));
}

/** Transpose → (Mul →) MatMul, each the only consumer of the one before. */
function pathFrom(
  links: GraphLinks,
  key: string,
  turned: OnnxNode | undefined,
  stored: OnnxNode | null,
): KeyPath | null {
  if (turned?.opType !== 'Transpose') return null;
  const follower = links.onlyConsumer(turned.outputs[0]);
  const scaled = follower?.opType === 'Mul' ? follower : undefined;
  const product = scaled === undefined ? follower : links.onlyConsumer(scaled.outputs[0]);
  return product?.opType === 'MatMul' ? { key, stored, last: scaled ?? turned, product } : null;
}

function replaceInput(node: OnnxNode, from: string, to: string): void {
  node.inputs = node.inputs.map((input) => (input === from ? to : input));
}

/** Adds caches to a branch's outputs: those of encoder and decoder, or of the decoder alone. */
export function giveCaches(
  { model }: DecoderBranches,
  graph: OnnxGraph,
  which: 'all' | 'decoder',
  keysTurned: boolean,
): void {
  const names = graph.nodes
    .flatMap((node) => node.outputs)
    .filter((name) => /^present\.\d+\.(?:encoder|decoder)\.(?:key|value)$/.test(name));
  const types = new Map(model.graph.outputs.map((output) => [output.name, elementTypeOf(output)] as const));
  for (const name of names) {
    const type = types.get(name) ?? 'float32';
    if (which === 'all' || name.includes('.decoder.'))
      graph.outputs.push(
        valueInfo(
          name,
          type,
          keysTurned && name.endsWith('.encoder.key') ? TURNED_KEYS : name.includes('.decoder.') ? OWN_CACHE : CACHE,
        ),
      );
  }
}

/** Leaves only what the outputs need: nodes, constants and inputs. */
function dropUnused(graph: OnnxGraph): void {
  const needed = new Set(graph.outputs.map((output) => output.name));
  const kept = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    kept.push(node);
    for (const input of node.inputs) needed.add(input);
  }
  graph.nodes = kept.reverse();
  graph.initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  graph.inputs = graph.inputs.filter((input) => needed.has(input.name));
}
