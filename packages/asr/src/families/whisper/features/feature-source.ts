import { availableParallelism } from 'node:os';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { Thread } from '@murmuration/runtime/thread';
import type { FeatureMethods } from './feature-thread.js';
import { LogMelExtractor, type LogMel } from './log-mel.js';

/** Where a recognizer has its features from. */
export interface FeatureSource {
  /** How many chunks it computes at once. */
  readonly width: number;
  /** As `LogMelExtractor.extract`; `pcm` stays the caller's. */
  extract(pcm: Float32Array): Promise<LogMel>;
  close(): Promise<void>;
}

/** Features computed in the caller's thread. */
export class FeaturesHere implements FeatureSource {
  readonly width = 1;
  readonly #extractor: LogMelExtractor;

  constructor(extractor: LogMelExtractor) {
    this.#extractor = extractor;
  }

  extract(pcm: Float32Array): Promise<LogMel> {
    return Promise.resolve(this.#extractor.extract(pcm));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const THREAD = new URL('feature-thread.js', import.meta.url);
/** A chunk of 30 s takes about 25 ms of a core: four threads make a batch of 32 ready in 200 ms. */
const MOST_THREADS = 4;

/** Threads for features on this machine: a core is left to the device's thread and one to everything else. */
export function featureThreadsFor(cores = availableParallelism()): number {
  return Math.max(1, Math.min(MOST_THREADS, cores - 2));
}

/** Features computed in threads of their own, so that the device's thread need not. */
export class FeatureThreads implements FeatureSource {
  readonly #threads: readonly Thread<FeatureMethods>[];
  /** Chunks that each thread has. */
  readonly #load: number[];
  readonly #here: LogMelExtractor;

  private constructor(threads: readonly Thread<FeatureMethods>[], here: LogMelExtractor) {
    this.#threads = threads;
    this.#load = threads.map(() => 0);
    this.#here = here;
  }

  /** @param here computes where a thread has died */
  static async start(mels: number, threads: number, here: LogMelExtractor): Promise<FeatureThreads> {
    const started = await Promise.allSettled(
      Array.from({ length: threads }, () => Thread.start<FeatureMethods>(THREAD, mels)),
    );
    const running = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failed = started.find((one) => one.status === 'rejected');
    if (failed === undefined) return new FeatureThreads(running, here);
    await Promise.all(running.map((thread) => thread.terminate()));
    throw failed.reason;
  }

  get width(): number {
    return this.#threads.length;
  }

  async extract(pcm: Float32Array): Promise<LogMel> {
    const at = this.#load.indexOf(Math.min(...this.#load));
    this.#load[at] = (this.#load[at] ?? 0) + 1;
    const copy = pcm.slice();
    const asked = this.#threads[at]?.call('extract', copy, [copy.buffer]);
    const found = (await asked?.catch(leaveAlone('best_effort', null))) ?? null;
    // A thread that is gone is not asked again: it would refuse faster than others compute.
    this.#load[at] = found === null ? Infinity : (this.#load[at] ?? 1) - 1;
    return found ?? this.#here.extract(pcm);
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}
