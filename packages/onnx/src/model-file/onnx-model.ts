import { intField, messageField, readFields, stringField, text, writeFieldsAround, type WireField } from './wire-format.js';
import { graphFields, parseGraph, type OnnxGraph } from './onnx-graph.js';

// Numbers of the fields of `ModelProto` and `OperatorSetIdProto` in onnx.proto3.
const MODEL = { graph: 7, opsetImport: 8 } as const;

/** A model file opened for editing: its graph, and all else as it lies in the file. */
export interface OnnxModel {
  readonly graph: OnnxGraph;
  readonly rest: readonly WireField[];
}

/** Reads an .onnx file (weights inside it). Weights are views of `bytes`. Throws `RangeError` when the bytes are no model. */
export function parseModel(bytes: Uint8Array): OnnxModel {
  const fields = readFields(bytes);
  const graph = fields.find((field) => field.number === MODEL.graph);
  if (graph?.kind !== 'bytes') throw new RangeError('the file holds no graph');
  return { graph: parseGraph(graph.bytes), rest: fields.filter((field) => field !== graph) };
}

/** The bytes of an .onnx file, for `openSession`; weights are copied once. `domains` are operator sets that edits have added, by version. */
export function serializeModel(model: OnnxModel, domains: Readonly<Record<string, number>> = {}): Uint8Array {
  const known = new Set(model.rest.filter((field) => field.number === MODEL.opsetImport).map(domainOf));
  const added = Object.entries(domains).filter(([domain]) => !known.has(domain))
    .map(([domain, version]) => messageField(MODEL.opsetImport, [stringField(1, domain), intField(2, version)]));
  return writeFieldsAround([...model.rest, ...added], MODEL.graph, graphFields(model.graph));
}

function domainOf(field: WireField): string {
  const domain = field.kind === 'bytes' ? readFields(field.bytes).find((inner) => inner.number === 1) : undefined;
  return domain?.kind === 'bytes' ? text.decode(domain.bytes) : '';
}
