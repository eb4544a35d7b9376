import {
  AsrError,
  samplesToMs,
  type ModelDescription,
  type PlannedChunk,
  type RecordingSummary,
  type TranscribeOptions,
} from '@murmuration/contracts';
import type { RecordingEvent, RecordingInput } from '@murmuration/audio';
import { storeCall, type AudioStore, type JobIdentity, type JobStore } from '@murmuration/store';
import { ATTRIBUTE, SPAN, type Tracing } from '@murmuration/runtime';
import { withYoungGarbageCollected } from '@murmuration/runtime/quiet-memory';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { WAIT_FOR_ROOM_S } from './jobs/backlog.js';
import type { Usage } from './usage.js';

/** What planning works with; all of it the node's. */
export interface PlannerParts {
  readonly jobs: JobStore;
  readonly audio: AudioStore;
  read(input: RecordingInput): AsyncIterable<RecordingEvent>;
  readonly limits: RecordingInput['limits'];
  /** How long a recording that was admitted waits for room in the store before it is refused, milliseconds. */
  readonly roomWaitMs: number;
  readonly tracing: Tracing;
  readonly usage: Pick<Usage, 'count' | 'admit'>;
  /** Of each recording in progress so much audio is counted at once, milliseconds; a minute unless given. */
  readonly countEveryMs?: number;
}

/** A recording on its way in. */
export interface IncomingRecording {
  readonly source: AsyncIterable<Uint8Array>;
  readonly contentType: string | null;
  readonly extension: string | null;
  readonly options: TranscribeOptions;
}

const ROOM_LOOK_MS = 250;
const AHEAD_LOOK_MS = 1_000;
/** From this chunk on nobody waits for a single one, and chunks are queued together: so many, … */
const GATHERED_FROM = 8;
const GATHERED_CHUNKS = 8;
/** … or those that came within this time: a slow upload's chunks are not kept back. */
const GATHERED_MS = 100;

const COUNT_EVERY_MS = 60_000;

/** What is answered when no more fits into the store. */
export function storeFull(): AsrError {
  return new AsrError(
    'queue_full',
    'The store is as full as it may be. Wait for the seconds in Retry-After, then send it again.',
    { retryAfterSeconds: WAIT_FOR_ROOM_S },
  );
}

/** Reads a recording and stores and queues its chunks as they come, no faster than there is room for them. */
export class RecordingPlanner {
  readonly #job: JobIdentity;
  readonly #recording: IncomingRecording;
  readonly #model: ModelDescription;
  readonly #parts: PlannerParts;
  readonly #maxAheadMs: number;
  #chunks = 0;
  #plannedMs = 0;
  /** Of that, what is counted as used. */
  #countedMs = 0;
  #doneMs = 0;
  #onRoom: () => void = () => undefined;
  #gathered: PlannedChunk[] = [];
  #queueing: Promise<void> = Promise.resolve();
  #queueLater: NodeJS.Timeout | undefined;

  /** @param maxAheadMs audio planned and not yet transcribed above which the recording is read no further */
  constructor(
    job: JobIdentity,
    recording: IncomingRecording,
    model: ModelDescription,
    parts: PlannerParts,
    maxAheadMs: number,
  ) {
    this.#job = job;
    this.#recording = recording;
    this.#model = model;
    this.#parts = parts;
    this.#maxAheadMs = maxAheadMs;
  }

  /** Says how much is transcribed, milliseconds of audio. */
  done(doneMs: number): void {
    this.#doneMs = doneMs;
    this.#onRoom();
  }

  /** Resolves when every chunk is stored. Throws what the bytes throw, `backend_unavailable`, `queue_full` when there is no room for too long, and `cancelled` when the job has ended or `signal` is aborted. */
  async plan(signal: AbortSignal): Promise<RecordingSummary> {
    const { id, lane, modelId, trace = null } = this.#job;
    const span = this.#parts.tracing.start(SPAN.intake, {
      parent: trace,
      attributes: { [ATTRIBUTE.job]: id, [ATTRIBUTE.lane]: lane, [ATTRIBUTE.model]: modelId },
    });
    try {
      const summary = await this.#plan(signal);
      this.#count(summary.durationMs);
      span.set({
        [ATTRIBUTE.audioSeconds]: summary.durationMs / 1_000,
        [ATTRIBUTE.chunks]: this.#chunks,
      });
      span.end();
      return summary;
    } catch (error) {
      // What was queued before the upload broke off has been worked on.
      if (this.#plannedMs > 0) this.#count(this.#plannedMs);
      span.end(AsrError.from(error).code);
      throw error;
    }
  }

  /** The one place where recordings of requests and jobs are counted. */
  #count(recordedMs: number): void {
    this.#parts.usage.count(this.#job.owner, { recordings: 1, recordedMs: recordedMs - this.#countedMs });
  }

  /** Counts what is planned by now, and throws `insufficient_quota` where the owner's other work has used up its month meanwhile: many at once are no more than one by one. */
  async #countWhileReading(): Promise<void> {
    const { countEveryMs = COUNT_EVERY_MS, usage } = this.#parts;
    const recordedMs = this.#plannedMs - this.#countedMs;
    if (recordedMs < countEveryMs) return;
    this.#countedMs = this.#plannedMs;
    usage.count(this.#job.owner, { recordedMs });
    await usage.admit(this.#job.owner, this.#countedMs);
  }

  async #plan(signal: AbortSignal): Promise<RecordingSummary> {
    const { options } = this.#recording;
    const events = this.#parts.read({
      source: withYoungGarbageCollected(this.#recording.source),
      contentType: this.#recording.contentType,
      extension: this.#recording.extension,
      channels: options.channels,
      track: options.track,
      detect: options.detect,
      policy: this.#model.chunkPolicy,
      limits: this.#parts.limits,
      signal,
    });
    try {
      for await (const event of events) {
        if (event.type === 'end') {
          await this.#queueGathered();
          return event.summary;
        }
        await this.#roomFor(signal);
        await storeCall(
          () => this.#parts.jobs.storeAudio(this.#job, event.chunk, event.pcm),
          this.#parts.audio.putLimitMs,
        );
        this.#plannedMs += samplesToMs(event.chunk.samples);
        const { trace } = this.#job;
        this.#gathered.push(trace === undefined ? event.chunk : { ...event.chunk, trace });
        this.#chunks++;
        if (event.chunk.index < GATHERED_FROM || this.#gathered.length >= GATHERED_CHUNKS) await this.#queueGathered();
        else
          this.#queueLater ??= setTimeout(() => {
            this.#queueGathered().catch(leaveAlone('repeated'));
          }, GATHERED_MS);
        await this.#countWhileReading();
      }
    } finally {
      clearTimeout(this.#queueLater);
    }
    throw new AsrError(signal.aborted ? 'cancelled' : 'internal');
  }

  /** Queues the chunks whose audio is stored, after those that are being queued. Once it has failed it fails again, so that no failure of the timer is lost. */
  #queueGathered(): Promise<void> {
    clearTimeout(this.#queueLater);
    this.#queueLater = undefined;
    const chunks = this.#gathered;
    this.#gathered = [];
    this.#queueing = this.#queueing.then(async () => {
      if (!(await storeCall(() => this.#parts.jobs.addItems(this.#job, chunks)))) throw new AsrError('cancelled');
    });
    return this.#queueing;
  }

  /** Waits until little enough is ahead of the workers and the store has room: so the upload is slowed, and refused only when that lasts too long. */
  async #roomFor(signal: AbortSignal): Promise<void> {
    while (this.#plannedMs - this.#doneMs > this.#maxAheadMs && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
        setTimeout(resolve, AHEAD_LOOK_MS).unref();
      });
    }
    for (const sinceMs = performance.now(); !signal.aborted && !(await storeCall(() => this.#parts.audio.hasRoom()));) {
      // Every upload that waits holds a connection and what it has stored: when all wait for each other's room, some must go.
      if (performance.now() - sinceMs > this.#parts.roomWaitMs) throw storeFull();
      await new Promise((resolve) => {
        setTimeout(resolve, ROOM_LOOK_MS);
      });
    }
    if (signal.aborted) throw new AsrError('cancelled');
  }
}
