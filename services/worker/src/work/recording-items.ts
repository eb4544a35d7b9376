import {
  AsrError,
  joinTexts,
  samplesToMs,
  type ChunkResult,
  type WorkTicket,
  type WorkerId,
} from '@murmuration/contracts';
import type { AudioStore, WorkItem, WorkItems } from '@murmuration/store';
import type { Metrics } from '@murmuration/runtime';
import { speechInChunk, toRecordingTime } from '@murmuration/transcript';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { RowResult } from '../scheduler/batcher.js';
import type { CancelledJobs } from './cancelled-jobs.js';
import type { ResultWriter, UntilStored } from './result-writer.js';
import type { ItemUser, PreparedItem } from './transcribe-items.js';

/** A turn brings at most so many times the items of a batch: of jobs whose items are that much shorter than usual, which make quick batches. */
const SHORT_ITEMS = 4;

interface RecordingItemsParts {
  readonly workerId: WorkerId;
  readonly items: Pick<WorkItems, 'take'>;
  readonly audio: Pick<AudioStore, 'get' | 'delete'>;
  /** What one ticket brings: items of so much audio, a batch's worth, … */
  readonly turnMs: number;
  /** … as long as a batch holds so many. */
  readonly batchItems: number;
  readonly writer: ResultWriter;
  readonly untilStored: UntilStored;
  readonly cancelled: CancelledJobs;
  readonly metrics: Metrics;
}

/** Chunks of recordings. An item that cannot be transcribed fails its job. */
export class RecordingItems implements ItemUser<WorkItem> {
  readonly #parts: RecordingItemsParts;

  constructor(parts: RecordingItemsParts) {
    this.#parts = parts;
  }

  get usualItems(): number {
    return this.#parts.batchItems;
  }

  take(ticket: WorkTicket): Promise<WorkItem[]> {
    const { batchItems, items, turnMs } = this.#parts;
    return items.take(ticket, ticket.promoted === true ? 1 : batchItems * SHORT_ITEMS, turnMs);
  }

  async prepare(item: WorkItem): Promise<PreparedItem | null> {
    const takenAtMs = Date.now();
    const pcm = await this.#parts.untilStored.call(() => this.#parts.audio.get(item.job, item.index));
    if (pcm === null) {
      // No other attempt finds the audio either, so nobody would ever notice. Where the job has ended meanwhile, this does nothing.
      await this.fail(
        item,
        new AsrError(
          'transcription_failed',
          'Audio of the recording was lost before it was transcribed. Send the recording again.',
        ),
      );
      return null;
    }
    return {
      pcm,
      options:
        item.textBefore === ''
          ? item.decode
          : { ...item.decode, prompt: joinTexts([item.decode.prompt, item.textBefore]) },
      speech: speechInChunk(item.chunk),
      give: (row) => this.#give(item, row, takenAtMs),
    };
  }

  begin(item: WorkItem): void {
    this.#parts.writer.begin(item);
  }

  async fail(item: WorkItem, error: AsrError): Promise<void> {
    const taken = await this.#parts.writer.fail(item, error.toRecord());
    if (taken === 'ok') this.#parts.cancelled.add(item.job);
    else this.#parts.metrics.fencedWrites.inc({ reason: taken });
  }

  crashed(): AsrError {
    return new AsrError(
      'unprocessable_audio',
      'The model cannot work on this recording: it ended the worker again and again. Re-encode the recording, or leave this part out.',
    );
  }

  failed(_item: WorkItem, error: unknown): AsrError {
    return error instanceof AsrError ? error : new AsrError('transcription_failed');
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
    // Audio that cannot be deleted now goes with its job. Where the job has ended, its id and audio may be another one's by now.
    if (taken === 'ok' || taken === 'duplicate')
      await audio.delete(item.job, item.index).catch(leaveAlone('best_effort'));
  }
}
