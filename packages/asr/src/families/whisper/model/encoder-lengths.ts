import { freeDimension, initializerDims, isExternal, onnxNode, parseModel, serializeModel } from '@murmuration/onnx';
import { GraphLinks } from '../../../graph/graph-links.js';

/** Names that the graph gets beside those of the file. */
const CUT = {
  zero: 'window_zero',
  one: 'window_one',
  shape: 'window_shape',
  positions: 'window_positions',
  table: 'window_position_table',
} as const;

/**
 * A Whisper encoder that takes windows of any even number of frames: of its table of positions it adds as many rows as the window has.
 * Null when no such table is found or weights lie in another file: the encoder is used as it is then, for windows of 30 s.
 */
export function encoderOfAnyLength(file: Uint8Array): Uint8Array | null {
  const model = parseModel(file);
  const { graph } = model;
  const [input, ...others] = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  const [output] = graph.outputs;
  if (input === undefined || output === undefined || others.length > 0) return null;
  if ([...graph.initializers.values()].some(isExternal)) return null;
  const links = new GraphLinks(graph);
  const isTable = (name: string): boolean => {
    const tensor = graph.initializers.get(name);
    return tensor !== undefined && initializerDims(tensor).length === 2;
  };
  const [add, ...more] = graph.nodes.filter(
    ({ opType, inputs }) =>
      opType === 'Add' && inputs.some(isTable) && inputs.some((name) => links.producer(name)?.opType === 'Transpose'),
  );
  const table = add?.inputs.find(isTable);
  const frames = add?.inputs.find((name) => name !== table);
  if (add === undefined || table === undefined || frames === undefined || more.length > 0) return null;
  add.inputs = [frames, CUT.table];
  const cut = [
    onnxNode('Constant', [], [CUT.zero], { value_ints: [0] }),
    onnxNode('Constant', [], [CUT.one], { value_ints: [1] }),
    onnxNode('Shape', [frames], [CUT.shape]),
    onnxNode('Gather', [CUT.shape, CUT.one], [CUT.positions]),
    onnxNode('Slice', [table, CUT.zero, CUT.positions, CUT.zero], [CUT.table]),
  ];
  graph.nodes = graph.nodes.flatMap((node) => (node === add ? [...cut, node] : [node]));
  graph.inputs = graph.inputs.map((one) => (one === input ? freeDimension(one, 2, 'frames') : one));
  graph.outputs = graph.outputs.map((one) => (one === output ? freeDimension(one, 1, 'positions') : one));
  return serializeModel(model);
}
