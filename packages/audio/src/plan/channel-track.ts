import type { ChunkPolicy, DetectOptions, RecordingSummary } from '@murmuration/contracts';
import { type Detector, WholeRecordingDetector } from '../detect/detector.js';
import type { SileroModel } from '../detect/silero-model.js';
import { VoiceDetector } from '../detect/voice-detector.js';
import { ChunkPlanner, type ReadyChunk } from './chunk-planner.js';

/** One channel of a recording on its way from PCM to chunks. One call at a time. */
export class ChannelTrack {
  readonly #detector: Detector;
  readonly #planner: ChunkPlanner;

  constructor(channel: number, model: SileroModel, detect: DetectOptions, policy: ChunkPolicy) {
    this.#detector = detect.vad ? new VoiceDetector(model, detect) : new WholeRecordingDetector();
    this.#planner = new ChunkPlanner(channel, policy, detect.vad ? detect.paddingMs : 0);
  }

  get detectMs(): number {
    return this.#detector.detectMs;
  }

  /** Skipped stretches that the account does not list. */
  get unlisted(): number {
    return this.#planner.accounting.unlisted;
  }

  /** Takes a piece of PCM (mono, 16 kHz, [-1, 1]) and returns the chunks that it completes. */
  async push(samples: Float32Array): Promise<ReadyChunk[]> {
    this.#planner.append(samples);
    const windows = await this.#detector.push(samples);
    return windows.flatMap((window) => this.#planner.observe(window));
  }

  /** Ends the channel and returns the last chunks and the account. */
  async finish(): Promise<{ chunks: ReadyChunk[]; accounting: RecordingSummary['accounting'] }> {
    const end = await this.#detector.finish();
    const chunks = this.#planner.finish(end);
    return { chunks, accounting: this.#planner.accounting.close(end.totalSamples) };
  }
}
