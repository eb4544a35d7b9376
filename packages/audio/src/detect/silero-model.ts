import { readFile } from 'node:fs/promises';
import { float32Tensor, openSession, type OnnxSession } from '@murmuration/onnx';
import { settled } from '@murmuration/contracts/left-alone';
import { WINDOW_SAMPLES } from './audio-window.js';
import { buildSileroGraph } from './silero-graph.js';
import { readSileroWeights } from './silero-weights.js';

/** Samples before a window that the model also looks at. */
export const CONTEXT_SAMPLES = 64;
/** Most windows in a run: 2 s. Longer runs are hardly faster, and a run delays every other stream of the thread. */
export const MAX_RUN_WINDOWS = 64;

const CELLS = 128;
const FRAME_SAMPLES = 256;
const HOP_SAMPLES = 128;
const FRAMES = 4;

/** What the model remembers of one stream between windows; zeros at its start. */
export interface SileroState {
  readonly hidden: Float32Array;
  readonly cell: Float32Array;
}

export function newSileroState(): SileroState {
  return { hidden: new Float32Array(CELLS), cell: new Float32Array(CELLS) };
}

export interface SileroRun {
  /** Speech probability (0 to 1) of each window. */
  readonly probabilities: Float32Array;
  /** Wall clock of the run itself, without waiting for runs before it. Milliseconds. */
  readonly elapsedMs: number;
}

/**
 * Silero VAD, one single-threaded session for any number of streams: runs are done one after another in the order they were asked for.
 * The network is rearranged so that consecutive windows go through in one run (`buildSileroGraph`); probabilities do not depend on how
 * a stream is cut into runs, but for rounding (below 1e-5).
 */
export class SileroModel {
  readonly #session: OnnxSession;
  readonly #frames = new Float32Array(MAX_RUN_WINDOWS * FRAMES * FRAME_SAMPLES);
  #lastRun: Promise<unknown> = Promise.resolve();

  private constructor(session: OnnxSession) {
    this.#session = session;
  }

  /** Loads a Silero VAD file of version 5 or 6. Throws `Error` when the file is missing or something else. */
  static async open(modelPath: string): Promise<SileroModel> {
    const graph = buildSileroGraph(readSileroWeights(await readFile(modelPath)));
    return new SileroModel(await openSession(graph, { device: 'cpu', threads: 1 }));
  }

  /**
   * Runs over consecutive windows of one stream.
   * @param samples the 64 samples before the first window, then the windows (1 to `MAX_RUN_WINDOWS`); read when the run's turn comes, so do not change them before it resolves
   * @param state carried on in place
   */
  run(samples: Float32Array, state: SileroState): Promise<SileroRun> {
    const turn = this.#lastRun.then(() => this.#runNow(samples, state));
    this.#lastRun = settled(turn);
    return turn;
  }

  async close(): Promise<void> {
    await this.#lastRun;
    await this.#session.close();
  }

  async #runNow(samples: Float32Array, state: SileroState): Promise<SileroRun> {
    const startedMs = performance.now();
    const windows = (samples.length - CONTEXT_SAMPLES) / WINDOW_SAMPLES;
    if (!Number.isInteger(windows) || windows < 1 || windows > MAX_RUN_WINDOWS)
      throw new RangeError(`a run takes 1 to ${String(MAX_RUN_WINDOWS)} whole windows`);
    for (let window = 0; window < windows; window++) this.#layOutFrames(samples, window);
    const outputs = await this.#session.run({
      frames: float32Tensor(this.#frames.subarray(0, windows * FRAMES * FRAME_SAMPLES), [
        windows * FRAMES,
        FRAME_SAMPLES,
      ]),
      hidden: float32Tensor(state.hidden, [1, 1, CELLS]),
      cell: float32Tensor(state.cell, [1, 1, CELLS]),
    });
    state.hidden.set(floats(outputs['nextHidden']));
    state.cell.set(floats(outputs['nextCell']));
    return { probabilities: floats(outputs['probability']), elapsedMs: performance.now() - startedMs };
  }

  /** Frames of 256 every 128 samples over context, window and the window's last 64 samples mirrored, as Silero's short-time Fourier transform pads. */
  #layOutFrames(samples: Float32Array, window: number): void {
    const from = window * WINDOW_SAMPLES;
    const to = window * FRAMES * FRAME_SAMPLES;
    for (let frame = 0; frame < FRAMES; frame++) {
      const start = from + frame * HOP_SAMPLES;
      this.#frames.set(
        samples.subarray(start, Math.min(start + FRAME_SAMPLES, from + CONTEXT_SAMPLES + WINDOW_SAMPLES)),
        to + frame * FRAME_SAMPLES,
      );
    }
    const mirror = from + CONTEXT_SAMPLES + WINDOW_SAMPLES - 1;
    const tail = to + FRAMES * FRAME_SAMPLES - CONTEXT_SAMPLES;
    for (let index = 0; index < CONTEXT_SAMPLES; index++) this.#frames[tail + index] = samples[mirror - 1 - index] ?? 0;
  }
}

function floats(tensor: { readonly data: unknown } | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new Error('the voice detection model gave no numbers');
  return tensor.data;
}
