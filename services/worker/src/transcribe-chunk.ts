import { AsrError, joinTexts, type ChunkJob, type ChunkResult } from '@murmuration/contracts';
import { HandBack, type ChunkDesk, type FairShare, type PickedUp } from '@murmuration/queue';
import type { Logger, Metrics } from '@murmuration/runtime';
import { toRecordingTime } from '@murmuration/transcript';
import type { Batcher, RowResult } from './batcher.js';
import type { CancelledJobs } from './cancelled-jobs.js';
import { samplesOf } from './pcm-samples.js';

/** A chunk that crashed its worker in company is tried alone; after this many crashes in all its job fails. */
const MAX_CRASHES = 3;

/** A chunk from the queue to its result: picked up, batched, written once. */
export class TranscribeChunk {
  readonly #slug: string;
  readonly #workerId: string;
  readonly #desk: ChunkDesk;
  readonly #batcher: Batcher;
  readonly #share: FairShare;
  readonly #cancelled: CancelledJobs;
  readonly #metrics: Metrics;
  readonly #logger: Logger;

  constructor(parts: { readonly slug: string; readonly workerId: string; readonly desk: ChunkDesk; readonly batcher: Batcher; readonly share: FairShare; readonly cancelled: CancelledJobs; readonly metrics: Metrics; readonly logger: Logger }) {
    this.#slug = parts.slug;
    this.#workerId = parts.workerId;
    this.#desk = parts.desk;
    this.#batcher = parts.batcher;
    this.#share = parts.share;
    this.#cancelled = parts.cancelled;
    this.#metrics = parts.metrics;
    this.#logger = parts.logger;
  }

  /** Throws `HandBack` when the worker drains. A chunk that cannot be transcribed fails its job; nothing else is thrown for the chunk's sake. */
  async handle(entry: ChunkJob): Promise<void> {
    if (this.#cancelled.has(entry.job)) return;
    const picked = await this.#desk.pickUp(entry.job, entry.chunk, entry.lane);
    if (picked === null) return;
    this.#metrics.jobAttempts.observe(picked.fence);
    if (picked.crashes >= MAX_CRASHES) {
      await this.#fail(picked, new AsrError('unprocessable_audio', 'The model cannot work on this recording: it ended the worker again and again. Re-encode the recording, or leave this part out.'));
      return;
    }
    try {
      const row = await this.#batcher.submit({
        pcm: samplesOf(picked.pcm),
        options: picked.textBefore === '' ? picked.decode : { ...picked.decode, prompt: joinTexts([picked.decode.prompt, picked.textBefore]) },
        lane: picked.lane,
        alone: picked.crashes > 0,
        cancelled: () => this.#cancelled.has(picked.job),
        onRun: () => { this.#desk.beginRun(picked); },
      });
      await this.#finish(entry, picked, row);
    } catch (error) {
      if (error instanceof HandBack) throw error;
      if (error instanceof AsrError && error.code === 'cancelled') return;
      this.#logger.error({ err: error, job: picked.job, chunk: picked.index }, 'the model failed on a chunk');
      await this.#fail(picked, error instanceof AsrError ? error : new AsrError('transcription_failed'));
    }
  }

  async #finish(entry: ChunkJob, picked: PickedUp, row: RowResult): Promise<void> {
    if (this.#cancelled.has(picked.job)) return;
    const audioMs = picked.chunk.samples / 16;
    const result: ChunkResult = {
      ...toRecordingTime(picked.chunk, row.recognition),
      index: picked.index,
      channel: picked.chunk.channel,
      overlapMs: picked.chunk.overlapMs,
      audioMs,
      queueMs: Math.max(0, row.startedAtMs - entry.queuedAtMs),
      inferenceMs: row.inferenceMs,
      batchSize: row.batchSize,
      worker: this.#workerId,
    };
    for (const { reason } of result.filtered) this.#metrics.filtered.inc({ reason });
    const taken = await this.#desk.finish(picked, result, this.#slug, await this.#share.window(this.#slug));
    if (taken === 'ok') this.#metrics.audioSeconds.inc(audioMs / 1_000);
    else this.#metrics.fencedWrites.inc({ reason: taken });
  }

  async #fail(picked: PickedUp, error: AsrError): Promise<void> {
    await this.#desk.fail(picked, error.toRecord());
    this.#cancelled.add(picked.job);
  }
}
