import { onnxNode, stringField, type OnnxNode, type ValueInfo } from '@murmuration/onnx';

/**
 * The choice of a merged decoder between its two branches, by `use_cache_branch`: the first step, and those that have a cache.
 * @param nodes of a branch @param outputs of a branch: as many of the same names in both
 */
export function cacheChoice(
  nodes: (withCache: boolean) => OnnxNode[],
  outputs: (withCache: boolean) => ValueInfo[],
): OnnxNode {
  const branch = (withCache: boolean) => ({
    nodes: nodes(withCache),
    initializers: new Map<string, Uint8Array>(),
    inputs: [],
    outputs: outputs(withCache),
    rest: [stringField(2, withCache ? 'next' : 'first')],
  });
  return {
    ...onnxNode(
      'If',
      ['use_cache_branch'],
      outputs(false).map(({ name }) => name),
    ),
    graphs: new Map([
      ['then_branch', branch(true)],
      ['else_branch', branch(false)],
    ]),
  };
}
