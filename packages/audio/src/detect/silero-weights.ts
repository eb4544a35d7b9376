import { float32Values, initializerDims, parseModel, readFields, type OnnxGraph } from '@murmuration/onnx';

/**
 * What set-up fetches for voice detection: one model. Version 6 and not 5: on recordings of noise, thunder, a dog, babble and an empty room (36 s) it finds
 * no utterance, version 5 finds one of 0.16 s; both find the speech of every clip that has some. Against
 * it: on two speech clips it reports up to 0.4 s at the end that version 5 leaves out. Default settings; few clips, and the same ones the tests use.
 */
export const vadModelFiles = [
  {
    /** Where it lies in the model cache. */
    place: 'silero-vad/silero_vad_v6.onnx',
    /** npm package whose tarball holds it (the model itself: Silero VAD, MIT). */
    npmPackage: '@ricky0123/vad-web',
    npmVersion: '0.0.31',
    /** Path inside the tarball. */
    member: 'package/dist/silero_vad_v6.onnx',
    bytes: 2_327_524,
    sha256: '1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3',
  },
] as const;

/** Weights of Silero VAD's 16 kHz half, row-major as its file has them. */
export interface SileroWeights {
  /** Short-time Fourier basis, [258, 256]: 129 real rows, then 129 imaginary. */
  readonly basis: Float32Array;
  /** Four convolutions of width 3: weight [out, in, 3], bias [out]. */
  readonly convolutions: readonly {
    readonly inputs: number;
    readonly outputs: number;
    readonly weight: Float32Array;
    readonly bias: Float32Array;
  }[];
  /** LSTM of 128 cells in PyTorch's gate order (input, forget, cell, output): weights [512, 128], biases [512]. */
  readonly lstm: {
    readonly inputWeight: Float32Array;
    readonly hiddenWeight: Float32Array;
    readonly inputBias: Float32Array;
    readonly hiddenBias: Float32Array;
  };
  /** Last convolution, width 1: weight [128], bias [1]. */
  readonly output: { readonly weight: Float32Array; readonly bias: Float32Array };
}

const BASIS = 'stft.forward_basis_buffer';
/** In and out channels of the four convolutions of the 16 kHz encoder. */
const CHANNELS = [
  [129, 128],
  [128, 64],
  [64, 64],
  [64, 128],
] as const;

// Numbers of fields in onnx.proto3: `NodeProto.attribute`, `AttributeProto.t`.
const NODE_ATTRIBUTE = 5;
const ATTRIBUTE_TENSOR = 5;

/**
 * Reads the 16 kHz weights out of a Silero VAD file of version 5 or 6, which keeps each sampling rate in a branch of its own.
 * Throws `Error` when the file is something else.
 */
export function readSileroWeights(file: Uint8Array): SileroWeights {
  const branch = branchesOf(file)
    .map(constantsOf)
    .find((tensors) => tensors.has(`${BASIS} 258x1x256`));
  if (branch === undefined) throw new Error('the voice detection model is no Silero VAD file of version 5 or 6');
  const take = (name: string, ...dims: number[]): Float32Array => {
    const tensor = branch.get(`${name} ${dims.join('x')}`);
    if (tensor === undefined) throw new Error(`the voice detection model lacks ${name}`);
    return float32Values(tensor);
  };
  return {
    basis: take(BASIS, 258, 1, 256),
    convolutions: CHANNELS.map(([inputs, outputs], layer) => ({
      inputs,
      outputs,
      weight: take(`encoder.${String(layer)}.reparam_conv.weight`, outputs, inputs, 3),
      bias: take(`encoder.${String(layer)}.reparam_conv.bias`, outputs),
    })),
    lstm: {
      inputWeight: take('decoder.rnn.weight_ih', 512, 128),
      hiddenWeight: take('decoder.rnn.weight_hh', 512, 128),
      inputBias: take('decoder.rnn.bias_ih', 512),
      hiddenBias: take('decoder.rnn.bias_hh', 512),
    },
    output: { weight: take('decoder.decoder.2.weight', 1, 128, 1), bias: take('decoder.decoder.2.bias', 1) },
  };
}

/** The branches of the outermost `If`. */
function branchesOf(file: Uint8Array): OnnxGraph[] {
  try {
    return parseModel(file).graph.nodes.flatMap((node) => [...node.graphs.values()]);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Error('the voice detection model is no ONNX file', { cause: error });
  }
}

/** Constant tensors by name and shape. Their nodes are named for them, behind a prefix that tells the branch. */
function constantsOf(graph: OnnxGraph): Map<string, Uint8Array> {
  const tensors = new Map<string, Uint8Array>();
  for (const node of graph.nodes) {
    const attribute = node.rest.find((field) => field.number === NODE_ATTRIBUTE);
    if (node.opType !== 'Constant' || attribute?.kind !== 'bytes') continue;
    const tensor = readFields(attribute.bytes).find((field) => field.number === ATTRIBUTE_TENSOR);
    if (tensor?.kind !== 'bytes') continue;
    const name = node.outputs[0]?.replace(/^.*__Inline_\d+__/, '') ?? '';
    tensors.set(`${name} ${initializerDims(tensor.bytes).join('x')}`, tensor.bytes);
  }
  return tensors;
}
