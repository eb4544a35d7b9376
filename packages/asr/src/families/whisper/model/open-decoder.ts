import { readFile, stat } from 'node:fs/promises';
import { type DimensionRange, type OnnxSession, openSession, RowPicker, type SessionOptions } from '@murmuration/onnx';
import { attentionHeadByHead } from '../../../graph/attention-heads.js';
import { ModelFault } from '../../../models/model-folder.js';
import { CacheRows } from './cache-rows.js';
import { DecoderGraph } from './decoder-graph.js';
import { type Decoder, KEPT_CACHES } from './decoder.js';
import { encoderOfAnyLength } from './encoder-lengths.js';
import { SharedConstants } from './shared-constants.js';
import { SplitDecoderGraph } from './split-decoder-graph.js';
import { splitWhisperDecoder } from './split-decoder.js';
import type { TokenMask } from './token-scores.js';

/**
 * Opens a graph of the model's folder. Throws `ModelFault` that names the file.
 * @param bytes what to open in place of the file at `path`
 */
async function openGraph(path: string, options: SessionOptions, bytes?: Uint8Array): Promise<OnnxSession> {
  const name = `onnx/${/[^/\\]+$/.exec(path)?.[0] ?? ''}`;
  try {
    return await openSession(bytes ?? path, options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (options.device !== 'cpu' && /provider|backend|device|cuda|tensorrt|webgpu/i.test(reason))
      throw new ModelFault(
        'model_device_unavailable',
        `the device ${options.device} cannot run ${name}: ${reason}`,
        error,
      );
    throw new ModelFault(
      'model_file_invalid',
      `${name} of the model cannot be loaded as a graph: it may be cut short or of a kind this runtime does not know`,
      error,
    );
  }
}

/** All that the encoder gives stays where it computes. */
const KEPT_STATES = /./;

/**
 * Opens the encoder: on a CPU with its attention head by head (see `attentionHeadByHead`) and, with `anyLength`, for windows of any length where the
 * file allows that (see `encoderOfAnyLength`); on a graphics card, where its states stay. Throws `ModelFault`.
 */
export async function openEncoder(
  path: string,
  heads: number | null,
  anyLength: boolean,
  options: SessionOptions,
  onCard = options.device !== 'cpu',
): Promise<OnnxSession> {
  const forCpu = (file: Uint8Array): Uint8Array | null => {
    const cut = anyLength ? encoderOfAnyLength(file) : null;
    return (heads === null ? null : attentionHeadByHead(cut ?? file, heads)) ?? cut;
  };
  return openGraph(
    path,
    { ...options, ...(onCard ? { keep: KEPT_STATES } : {}), range: encoderRanges(options.gpu?.maxRows) },
    onCard ? undefined : await rewritten(path, forCpu),
  );
}

/**
 * Largest file that is rewritten: while that is done it lies in memory twice in each session's thread (as it is, and as one rewritten
 * graph), and afterwards each of the two graphs has the weights of its own. Enough for medium and large-v3-turbo in int8, not for large-v3.
 */
const MAX_REWRITTEN_BYTES = 640 * 2 ** 20;
/** The same beside an NVIDIA card, whose machine has memory for it: large-v3 in FP16 takes 10 s and 5.6 GB. No more can be read, nor be one graph. */
const MAX_REWRITTEN_FOR_CUDA_BYTES = 2 ** 31 - 1;

/**
 * Opens the merged decoder: on a CPU an int8 one, on a graphics card one of floats rewritten (see `splitWhisperDecoder`), any other as it is.
 * On TensorRT its further steps alone: a first step has too many shapes for one engine and runs once a window, so CUDA does it, and the whole of a file
 * that is not rewritten. Throws `ModelFault`.
 */
export async function openDecoder(
  path: string,
  shape: { readonly heads: number; readonly width: number },
  mask: TokenMask,
  options: SessionOptions,
  onCard = options.device !== 'cpu',
): Promise<Decoder> {
  const onCuda: SessionOptions = options.device === 'tensorrt' ? { ...options, device: 'cuda' } : options;
  const rows = new CacheRows(onCuda, onCard ? new RowPicker(onCuda) : null);
  const most =
    options.device === 'cuda' || options.device === 'tensorrt' ? MAX_REWRITTEN_FOR_CUDA_BYTES : MAX_REWRITTEN_BYTES;
  const graphs = await rewritten(path, (file) => splitWhisperDecoder(file, mask, onCard), most);
  if (graphs !== undefined) {
    // An engine of TensorRT has constants of its own, the binding for WebGPU does not take others', and on a CPU products are computed in another order.
    const shares = onCard && (options.device === 'cuda' || options.device === 'cpu');
    const constants = shares ? await SharedConstants.bring(graphs.shared, onCuda) : null;
    const opened: OnnxSession[] = [];
    const open = async (settings: SessionOptions, bytes: Uint8Array): Promise<OnnxSession> => {
      const session = await openGraph(path, { ...settings, keep: KEPT_CACHES, constants: constants?.tensors }, bytes);
      opened.push(session);
      return session;
    };
    try {
      const first = await open(onCuda, graphs.first());
      const next = await open({ ...options, range: nextStepRanges(options.gpu?.maxRows) }, graphs.next());
      return new SplitDecoderGraph(first, next, rows, mask.endOfText, constants);
    } catch (error) {
      for (const session of opened) await session.close();
      constants?.dispose();
      throw error;
    }
  }
  const session = await openGraph(path, { ...onCuda, keep: KEPT_CACHES });
  try {
    return new DecoderGraph(session, shape, mask, rows);
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Undefined when the file is not to be rewritten. A broken file is reported by the runtime when it opens it. */
async function rewritten<T>(
  path: string,
  rewrite: (file: Uint8Array) => T | null,
  mostBytes = MAX_REWRITTEN_BYTES,
): Promise<T | undefined> {
  if ((await stat(path)).size > mostBytes) return undefined;
  try {
    return rewrite(await readFile(path)) ?? undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Rows of a batch where nothing else is said. */
const DEFAULT_ROWS = 32;
/** Frames and encoder positions of a window of 30 s. */
const FRAMES = 3_000;
const POSITIONS = 1_500;
/** Tokens before a step, prompt and text together, and how many there are as a rule. */
const TOKENS = 448;
const USUAL_TOKENS = 96;

type RangeOf = (input: string, axis: number) => DimensionRange;

const exactly = (length: number): DimensionRange => ({ least: length, usual: length, most: length });
const rowsUpTo = (most: number): DimensionRange => ({ least: 1, usual: Math.max(1, Math.round(most / 2)), most });

/** Lengths that an encoder's free dimensions have, for TensorRT's engines: rows, and frames of a window. */
export function encoderRanges(maxRows = DEFAULT_ROWS): RangeOf {
  return (_input, axis) => (axis === 0 ? rowsUpTo(maxRows) : exactly(FRAMES));
}

/** Lengths in a decoder's further steps: one token a row, caches that grow with the text, and those of the audio. */
export function nextStepRanges(maxRows = DEFAULT_ROWS): RangeOf {
  return (input, axis) => {
    if (axis === 0) return rowsUpTo(maxRows);
    if (!input.startsWith('past_key_values.')) return exactly(1);
    return input.includes('.decoder.') ? { least: 1, usual: USUAL_TOKENS, most: TOKENS } : exactly(POSITIONS);
  };
}
