import { AsrError, joinTexts, samplesToMs, type ChunkResult, type Lane, type WorkTicket } from '@murmuration/contracts';
import { HandBack, type AudioStore, type WorkItem, type WorkItems } from '@murmuration/store';
import type { Logger, Metrics } from '@murmuration/runtime';
import { speechInChunk, toRecordingTime } from '@murmuration/transcript';
import type { BatchShare } from '../scheduler/batch-share.js';
import type { Batcher, RowResult } from '../scheduler/batcher.js';
import type { CancelledJobs } from './cancelled-jobs.js';
import type { Holdings } from '../scheduler/holdings.js';
import { samplesOf } from './pcm-samples.js';
import type { ResultWriter, UntilStored } from './result-writer.js';

/** An item that crashed its worker in company is tried alone; after this many crashes in all its job fails. */
const MAX_CRASHES = 3;

/** A turn brings at most so many times the items of a batch: of jobs whose items are that much shorter than usual, which make quick batches. */
const SHORT_ITEMS = 4;

interface TranscribeTicketsParts {
  readonly workerId: string;
  readonly items: Pick<WorkItems, 'take'>;
  readonly audio: Pick<AudioStore, 'get' | 'delete'>;
  readonly batcher: Pick<Batcher, 'submit'>;
  /** What one ticket brings: items of so much audio, a batch's worth, … */
  readonly turnMs: number;
  /** … as long as a batch holds so many. */
  readonly batchItems: number;
  readonly holdings: Holdings;
  readonly share: Pick<BatchShare, 'took'>;
  readonly writer: ResultWriter;
  readonly untilStored: UntilStored;
  readonly cancelled: CancelledJobs;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** A job's ticket from the queue to its items' results: taken together, batched with whatever else the worker holds, each written once. */
export class TranscribeTickets {
  readonly #parts: TranscribeTicketsParts;

  constructor(parts: TranscribeTicketsParts) {
    this.#parts = parts;
  }

  /** Resolves when every item of the ticket has ended. Throws `HandBack` when the worker drains before that. An item that cannot be transcribed fails its job. */
  async handle(ticket: WorkTicket): Promise<void> {
    const { cancelled, holdings, items, share, untilStored } = this.#parts;
    if (cancelled.has(ticket.job)) return;
    const { batchItems, turnMs } = this.#parts;
    holdings.reserve(batchItems);
    let taken: WorkItem[] = [];
    try {
      taken = await untilStored.call(() =>
        items.take(ticket, ticket.promoted === true ? 1 : batchItems * SHORT_ITEMS, turnMs),
      );
    } finally {
      holdings.release(batchItems - taken.length);
    }
    share.took(ticket.lane, taken.length);
    const ended = await Promise.allSettled(
      taken.map((item) =>
        this.#transcribe(item, ticket.lane).finally(() => {
          holdings.release(1);
        }),
      ),
    );
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
  }

  async #transcribe(item: WorkItem, lane: Lane): Promise<void> {
    const { audio, batcher, cancelled, metrics, untilStored, writer } = this.#parts;
    const takenAtMs = Date.now();
    metrics.jobAttempts.observe(item.fence);
    if (item.crashes >= MAX_CRASHES) {
      await this.#fail(
        item,
        new AsrError(
          'unprocessable_audio',
          'The model cannot work on this recording: it ended the worker again and again. Re-encode the recording, or leave this part out.',
        ),
      );
      return;
    }
    const pcm = await untilStored.call(() => audio.get(item.job, item.index));
    if (pcm === null) {
      // No other attempt finds the audio either, so nobody would ever notice. Where the job has ended meanwhile, this does nothing.
      await this.#fail(
        item,
        new AsrError(
          'transcription_failed',
          'Audio of the recording was lost before it was transcribed. Send the recording again.',
        ),
      );
      return;
    }
    let row: RowResult;
    try {
      row = await batcher.submit({
        pcm: samplesOf(pcm),
        options:
          item.textBefore === ''
            ? item.decode
            : { ...item.decode, prompt: joinTexts([item.decode.prompt, item.textBefore]) },
        speech: speechInChunk(item.chunk),
        lane,
        alone: item.crashes > 0,
        cancelled: () => cancelled.has(item.job),
        onRun: () => {
          writer.begin(item);
        },
      });
    } catch (error) {
      if (error instanceof HandBack) throw error;
      if (error instanceof AsrError && error.code === 'cancelled') return;
      this.#parts.logger.error({ err: error, job: item.job, item: item.index }, 'the model failed on an item');
      await this.#fail(item, error instanceof AsrError ? error : new AsrError('transcription_failed'));
      return;
    }
    if (!cancelled.has(item.job)) await this.#give(item, row, takenAtMs);
  }

  async #give(item: WorkItem, row: RowResult, takenAtMs: number): Promise<void> {
    const { audio, metrics, workerId, writer } = this.#parts;
    const audioMs = samplesToMs(item.chunk.samples);
    const result: ChunkResult = {
      ...toRecordingTime(item.chunk, row.recognition),
      index: item.index,
      channel: item.chunk.channel,
      overlapMs: item.chunk.overlapMs,
      audioMs,
      queueMs: item.waitedMs + Math.max(0, row.startedAtMs - takenAtMs),
      inferenceMs: row.inferenceMs,
      batchSize: row.batchSize,
      worker: workerId,
    };
    for (const { reason } of result.filtered) metrics.filtered.inc({ reason });
    const taken = await writer.give(item, result);
    if (taken === 'ok') metrics.audioSeconds.inc(audioMs / 1_000);
    else metrics.fencedWrites.inc({ reason: taken });
    // Audio that cannot be deleted now goes with its job.
    if (taken !== 'stale') await audio.delete(item.job, item.index).catch(() => undefined);
  }

  async #fail(item: WorkItem, error: AsrError): Promise<void> {
    const taken = await this.#parts.writer.fail(item, error.toRecord());
    if (taken === 'ok') this.#parts.cancelled.add(item.job);
    else this.#parts.metrics.fencedWrites.inc({ reason: taken });
  }
}
