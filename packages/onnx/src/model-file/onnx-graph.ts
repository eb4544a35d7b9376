import { ELEMENT_TYPES, type ElementType } from '../tensor.js';
import { initializerName } from './initializer.js';
import {
  intField,
  messageField,
  readFields,
  stringField,
  text,
  writeFields,
  writeFieldsAround,
  type WireField,
} from './wire-format.js';

// Numbers of the fields in onnx.proto3.
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12, valueInfo: 13 } as const;
const NODE = { input: 1, output: 2, opType: 4, attribute: 5 } as const;
const ATTRIBUTE = { name: 1, int: 3, graph: 6, ints: 8, type: 20 } as const;
const ATTRIBUTE_TYPE = { int: 2, graph: 5, ints: 7 } as const;
const VALUE_INFO = { name: 1, type: 2 } as const;

/** One operation. A missing optional input is ''. */
export interface OnnxNode {
  opType: string;
  inputs: string[];
  outputs: string[];
  /** Graphs among its attributes, by attribute name: the branches of an `If`. */
  graphs: Map<string, OnnxGraph>;
  /** Everything else (name, other attributes, domain) as it lies in the file. */
  rest: WireField[];
}

/** A named value that a graph takes or gives, as it lies in the file. */
export interface ValueInfo {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A graph opened for editing. */
export interface OnnxGraph {
  nodes: OnnxNode[];
  /** Constant tensors by name, as `TensorProto` bytes. */
  initializers: Map<string, Uint8Array>;
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  /** Shapes of inner values, where `parseModel` was told to keep them; without them the runtime finds what it can. */
  shapes?: ValueInfo[];
  rest: WireField[];
}

function parseGraph(bytes: Uint8Array, keepShapes: boolean): OnnxGraph {
  const shapes: ValueInfo[] = [];
  const graph: OnnxGraph = { nodes: [], initializers: new Map(), inputs: [], outputs: [], shapes, rest: [] };
  const named = (value: Uint8Array): ValueInfo => ({ name: stringOf(value, VALUE_INFO.name), bytes: value });
  for (const field of readFields(bytes)) {
    if (field.kind !== 'bytes') {
      graph.rest.push(field);
      continue;
    }
    switch (field.number) {
      case GRAPH.node:
        graph.nodes.push(parseNode(field.bytes, keepShapes));
        break;
      case GRAPH.initializer:
        graph.initializers.set(initializerName(field.bytes), field.bytes);
        break;
      case GRAPH.input:
        graph.inputs.push(named(field.bytes));
        break;
      case GRAPH.output:
        graph.outputs.push(named(field.bytes));
        break;
      case GRAPH.valueInfo:
        if (keepShapes) shapes.push(named(field.bytes));
        break;
      default:
        graph.rest.push(field);
    }
  }
  return graph;
}

/** The fields of a graph's message. */
function graphFields(graph: OnnxGraph): WireField[] {
  const all = (number: number, pieces: Iterable<Uint8Array>): WireField[] =>
    Array.from(pieces, (bytes) => ({ number, kind: 'bytes', bytes }));
  return [
    ...all(GRAPH.node, graph.nodes.map(serializeNode)),
    ...graph.rest,
    ...all(GRAPH.initializer, graph.initializers.values()),
    ...all(
      GRAPH.input,
      graph.inputs.map((value) => value.bytes),
    ),
    ...all(
      GRAPH.output,
      graph.outputs.map((value) => value.bytes),
    ),
    ...all(
      GRAPH.valueInfo,
      (graph.shapes ?? []).map((value) => value.bytes),
    ),
  ];
}

/** A new operation of the standard set; attributes are integers or lists of integers. */
export function onnxNode(
  opType: string,
  inputs: string[],
  outputs: string[],
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): OnnxNode {
  const rest = Object.entries(attributes).map(([name, value]) =>
    messageField(NODE.attribute, [
      stringField(ATTRIBUTE.name, name),
      ...(typeof value === 'number'
        ? [intField(ATTRIBUTE.int, value)]
        : value.map((item) => intField(ATTRIBUTE.ints, item))),
      intField(ATTRIBUTE.type, typeof value === 'number' ? ATTRIBUTE_TYPE.int : ATTRIBUTE_TYPE.ints),
    ]),
  );
  return { opType, inputs, outputs, graphs: new Map(), rest };
}

/** Declares an input or output; a string in `shape` names a free dimension. */
export function valueInfo(name: string, type: ElementType, shape: readonly (number | string)[]): ValueInfo {
  const dims = shape.map((dim) => messageField(1, [typeof dim === 'number' ? intField(1, dim) : stringField(2, dim)]));
  const tensor = messageField(1, [intField(1, ELEMENT_TYPES[type]), messageField(2, dims)]);
  return { name, bytes: writeFields([stringField(VALUE_INFO.name, name), messageField(VALUE_INFO.type, [tensor])]) };
}

/** The element type of an input or output. Throws `RangeError` when it is no tensor of a type that this project uses. */
export function elementTypeOf(value: ValueInfo): ElementType {
  let bytes = value.bytes;
  // ValueInfoProto.type, TypeProto.tensor_type.
  for (const number of [VALUE_INFO.type, 1]) {
    const field = readFields(bytes).find((inner) => inner.number === number);
    bytes = field?.kind === 'bytes' ? field.bytes : new Uint8Array(0);
  }
  const written = readFields(bytes).find((inner) => inner.number === 1);
  const name = Object.entries(ELEMENT_TYPES).find(
    ([, number]) => written?.kind === 'varint' && Number(written.value) === number,
  )?.[0];
  if (name === undefined) throw new RangeError(`${value.name} is no tensor of a known element type`);
  return name as ElementType;
}

/** Dimensions of an input or output: a length, or the name of a free one ('' where it has none). */
export function dimensionsOf(value: ValueInfo): (number | string)[] {
  let fields = readFields(value.bytes);
  // ValueInfoProto.type, TypeProto.tensor_type, Tensor.shape.
  for (const number of [VALUE_INFO.type, 1, 2]) {
    const inner = fields.find((field) => field.number === number);
    fields = inner?.kind === 'bytes' ? readFields(inner.bytes) : [];
  }
  return fields.flatMap((field): (number | string)[] => {
    if (field.kind !== 'bytes') return [];
    const [dim] = readFields(field.bytes);
    return dim?.kind === 'varint' ? [Number(dim.value)] : [dim?.kind === 'bytes' ? text.decode(dim.bytes) : ''];
  });
}

/** The same input or output with dimension `axis` free. Throws `RangeError` when it has no such dimension. */
export function freeDimension(value: ValueInfo, axis: number, name: string): ValueInfo {
  let place = 0;
  const edited = (bytes: Uint8Array, [number, ...inner]: readonly number[]): Uint8Array => {
    return writeFields(
      readFields(bytes).map((field) => {
        if (field.number !== number || field.kind !== 'bytes') return field;
        if (inner.length > 0) return { ...field, bytes: edited(field.bytes, inner) };
        if (place++ !== axis) return field;
        return messageField(number, [stringField(2, name)]);
      }),
    );
  };
  // ValueInfoProto.type, TypeProto.tensor_type, Tensor.shape, TensorShapeProto.dim.
  const bytes = edited(value.bytes, [VALUE_INFO.type, 1, 2, 1]);
  if (place <= axis) throw new RangeError(`${value.name} has no dimension ${String(axis)}`);
  return { name: value.name, bytes };
}

function parseNode(bytes: Uint8Array, keepShapes: boolean): OnnxNode {
  const node: OnnxNode = { opType: '', inputs: [], outputs: [], graphs: new Map(), rest: [] };
  for (const field of readFields(bytes)) {
    if (field.kind !== 'bytes') {
      node.rest.push(field);
      continue;
    }
    switch (field.number) {
      case NODE.input:
        node.inputs.push(text.decode(field.bytes));
        break;
      case NODE.output:
        node.outputs.push(text.decode(field.bytes));
        break;
      case NODE.opType:
        node.opType = text.decode(field.bytes);
        break;
      case NODE.attribute: {
        const graph = readFields(field.bytes).find((inner) => inner.number === ATTRIBUTE.graph);
        if (graph?.kind === 'bytes')
          node.graphs.set(stringOf(field.bytes, ATTRIBUTE.name), parseGraph(graph.bytes, keepShapes));
        else node.rest.push(field);
        break;
      }
      default:
        node.rest.push(field);
    }
  }
  return node;
}

function serializeNode(node: OnnxNode): Uint8Array {
  return writeFields([
    ...node.inputs.map((name) => stringField(NODE.input, name)),
    ...node.outputs.map((name) => stringField(NODE.output, name)),
    stringField(NODE.opType, node.opType),
    ...Array.from(node.graphs, ([name, graph]) =>
      messageField(NODE.attribute, [
        stringField(ATTRIBUTE.name, name),
        messageField(ATTRIBUTE.graph, graphFields(graph)),
        intField(ATTRIBUTE.type, ATTRIBUTE_TYPE.graph),
      ]),
    ),
    ...node.rest,
  ]);
}

function stringOf(message: Uint8Array, number: number): string {
  const field = readFields(message).find((candidate) => candidate.number === number);
  return field?.kind === 'bytes' ? text.decode(field.bytes) : '';
}

// Numbers of the fields of `ModelProto` and `OperatorSetIdProto` in onnx.proto3.
const MODEL = { graph: 7, opsetImport: 8 } as const;

/** A model file opened for editing: its graph, and all else as it lies in the file. */
export interface OnnxModel {
  readonly graph: OnnxGraph;
  readonly rest: readonly WireField[];
}

/**
 * Reads an .onnx file (weights inside it). Weights are views of `bytes`. Throws `RangeError` when the bytes are no model.
 * @param keepShapes keeps the shapes that the file states of inner values: for edits that change none. The runtime joins some operations, which rounds
 *   otherwise, only where it knows shapes.
 */
export function parseModel(bytes: Uint8Array, keepShapes = false): OnnxModel {
  const fields = readFields(bytes);
  const graph = fields.find((field) => field.number === MODEL.graph);
  if (graph?.kind !== 'bytes') throw new RangeError('the file holds no graph');
  return { graph: parseGraph(graph.bytes, keepShapes), rest: fields.filter((field) => field !== graph) };
}

/** The bytes of an .onnx file, for `openSession`; weights are copied once. `domains` are operator sets that edits have added, by version. */
export function serializeModel(model: OnnxModel, domains: Readonly<Record<string, number>> = {}): Uint8Array {
  const known = new Set(model.rest.filter((field) => field.number === MODEL.opsetImport).map(domainOf));
  const added = Object.entries(domains)
    .filter(([domain]) => !known.has(domain))
    .map(([domain, version]) => messageField(MODEL.opsetImport, [stringField(1, domain), intField(2, version)]));
  return writeFieldsAround([...model.rest, ...added], MODEL.graph, graphFields(model.graph));
}

function domainOf(field: WireField): string {
  const domain = field.kind === 'bytes' ? readFields(field.bytes).find((inner) => inner.number === 1) : undefined;
  return domain?.kind === 'bytes' ? text.decode(domain.bytes) : '';
}
