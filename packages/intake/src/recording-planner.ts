import { AsrError, type ModelDescription, type RecordingSummary, type TranscribeOptions } from '@murmuration/contracts';
import type { RecordingEvent, RecordingInput } from '@murmuration/audio';
import { atDoor, type AudioStore, type FairShare, type JobIdentity, type JobStore } from '@murmuration/queue';
import { withYoungGarbageCollected } from '@murmuration/runtime';

/** What planning works with; all of it the node's. */
export interface PlannerParts {
  readonly jobs: JobStore;
  readonly audio: AudioStore;
  readonly share: FairShare;
  read(input: RecordingInput): AsyncIterable<RecordingEvent>;
  readonly limits: RecordingInput['limits'];
}

/** A recording on its way in. */
export interface IncomingRecording {
  readonly source: AsyncIterable<Uint8Array>;
  readonly contentType: string | null;
  readonly extension: string | null;
  readonly options: TranscribeOptions;
}

const ROOM_LOOK_MS = 100;
const AHEAD_LOOK_MS = 1_000;

/** Reads a recording and stores and queues its chunks as they come, no faster than there is room for them. */
export class RecordingPlanner {
  readonly #job: JobIdentity;
  readonly #recording: IncomingRecording;
  readonly #model: ModelDescription;
  readonly #parts: PlannerParts;
  readonly #maxAheadMs: number;
  #plannedMs = 0;
  #doneMs = 0;
  #onRoom: () => void = () => undefined;

  /** @param maxAheadMs audio planned and not yet transcribed above which the recording is read no further */
  constructor(job: JobIdentity, recording: IncomingRecording, model: ModelDescription, parts: PlannerParts, maxAheadMs: number) {
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

  /** Resolves when every chunk is stored. Throws what the bytes throw, `backend_unavailable`, and `cancelled` when the job has ended or `signal` is aborted. */
  async plan(signal: AbortSignal): Promise<RecordingSummary> {
    const { options } = this.#recording;
    const events = this.#parts.read({
      source: withYoungGarbageCollected(this.#recording.source), contentType: this.#recording.contentType, extension: this.#recording.extension,
      channels: options.channels, detect: options.detect, policy: this.#model.chunkPolicy, limits: this.#parts.limits, signal,
    });
    for await (const event of events) {
      if (event.type === 'end') return event.summary;
      await this.#roomFor(signal);
      const window = await atDoor(() => this.#parts.share.window(this.#job.modelSlug));
      const added = await atDoor(() => this.#parts.jobs.addChunk(this.#job, event.chunk, event.pcm, window), this.#parts.audio.putLimitMs);
      if (!added) throw new AsrError('cancelled');
      this.#plannedMs += event.chunk.samples / 16;
    }
    throw new AsrError(signal.aborted ? 'cancelled' : 'internal');
  }

  /** Waits until little enough is ahead of the workers and the store has room: so the upload is slowed, not refused. */
  async #roomFor(signal: AbortSignal): Promise<void> {
    while (this.#plannedMs - this.#doneMs > this.#maxAheadMs && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
        setTimeout(resolve, AHEAD_LOOK_MS).unref();
      });
    }
    while (!signal.aborted && !await atDoor(() => this.#parts.audio.hasRoom())) {
      await new Promise((resolve) => { setTimeout(resolve, ROOM_LOOK_MS); });
    }
    if (signal.aborted) throw new AsrError('cancelled');
  }
}
