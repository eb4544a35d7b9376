import { AsrError, type ChunkResult, type ModelDescription, type RecordingSummary, type Transcript } from '@murmuration/contracts';
import type { RecordingEvent, RecordingInput } from '@murmuration/audio';
import { atDoor, backendUnavailable, type AudioStore, type FairShare, type JobEvents, type JobIdentity, type JobStore, type StreamedEvent } from '@murmuration/queue';
import { withYoungGarbageCollected } from '@murmuration/runtime';
import { SegmentJoiner, assembleTranscript } from '@murmuration/transcript';
import { ProgressLog } from './progress-log.js';
import type { ModelRegistry } from './model-registry.js';
import type { Transcription, TranscriptionProgress, TranscriptionRequest } from './transcription.js';

/** What a transcription works with; all of it the node's. */
export interface TranscriptionParts {
  readonly jobs: JobStore;
  readonly events: JobEvents;
  readonly audio: AudioStore;
  readonly share: FairShare;
  readonly registry: ModelRegistry;
  read(input: RecordingInput): AsyncIterable<RecordingEvent>;
  readonly limits: RecordingInput['limits'];
  readonly leaseMs: number;
  /** Without any worker of the model for this long the request ends with `no_worker`. */
  readonly workerWaitMs: number;
  /** Audio planned and not yet transcribed, milliseconds, above which the upload is read no further. */
  readonly maxAheadMs: number;
}

/** How long a request outlives a Redis that does not answer, milliseconds. */
const OUTAGE_MS = 2_000;
const ROOM_LOOK_MS = 100;
const WATCH_EVERY_MS = 1_000;
/** Without progress for this long, entries are looked after, milliseconds. */
const QUIET_MS = 5_000;

/**
 * One recording at a door, from its first byte to its transcript.
 *
 * planning (bytes are read, chunks stored and queued; results come in already)
 *   -> waiting (all is planned) -> done (assembled, keys removed)
 * From any: failed (bad bytes, Redis or workers gone, the model failed) or cancelled (the client went away); then, too, all keys are removed.
 * While it lives it renews the job's lease; should this process die, the lease lapses and workers drop the job's chunks.
 */
export class ActiveTranscription implements Transcription {
  readonly id: string;
  readonly model: string;
  readonly #job: JobIdentity;
  readonly #request: TranscriptionRequest;
  readonly #model: ModelDescription;
  readonly #parts: TranscriptionParts;
  readonly #startedMs = performance.now();
  readonly #ended = new AbortController();
  readonly #progress = new ProgressLog();
  readonly #results: ChunkResult[] = [];
  readonly #result: Promise<Transcript>;
  #plannedMs = 0;
  #doneMs = 0;
  #lastProgressMs = performance.now();
  #onRoom: () => void = () => undefined;

  /** The job must have been created. Starts at once. */
  constructor(job: JobIdentity, request: TranscriptionRequest, model: ModelDescription, parts: TranscriptionParts) {
    this.id = job.id;
    this.model = job.modelId;
    this.#job = job;
    this.#request = request;
    this.#model = model;
    this.#parts = parts;
    this.#result = this.#run();
    this.#result.catch(() => undefined);
  }

  progress(): AsyncIterable<TranscriptionProgress> {
    return this.#progress.read();
  }

  result(): Promise<Transcript> {
    return this.#result;
  }

  async #run(): Promise<Transcript> {
    const signal = AbortSignal.any([this.#request.signal, this.#ended.signal]);
    const failed = new Promise<never>((_resolve, reject) => {
      const onAbort = (): void => { reject(new AsrError('cancelled')); };
      this.#request.signal.addEventListener('abort', onAbort, { once: true });
      if (this.#request.signal.aborted) onAbort();
      this.#watch(signal, reject);
    });
    failed.catch(() => undefined);
    try {
      const [summary] = await Promise.race([failed, Promise.all([this.#plan(signal), this.#collect(signal)])]);
      const transcript = assembleTranscript(this.#results, summary, {
        id: this.id, model: this.model, task: this.#job.decode.task, language: this.#job.decode.language ?? (this.#model.languages.length === 1 ? this.#model.languages[0] ?? null : null),
        totalMs: performance.now() - this.#startedMs,
      });
      this.#progress.close();
      this.#leave();
      return transcript;
    } catch (error) {
      const told = AsrError.from(error);
      this.#progress.fail(told);
      this.#leave(told);
      throw told;
    }
  }

  /** Reads the recording, stores and queues its chunks. */
  async #plan(signal: AbortSignal): Promise<RecordingSummary> {
    const { options } = this.#request;
    const events = this.#parts.read({
      source: withYoungGarbageCollected(this.#request.source), contentType: this.#request.contentType, extension: this.#request.extension,
      channels: options.channels, detect: options.detect, policy: this.#model.chunkPolicy, limits: this.#parts.limits, signal,
    });
    for await (const event of events) {
      if (event.type === 'end') {
        await atDoor(() => this.#parts.jobs.endOfChunks(this.#job));
        return event.summary;
      }
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
    while (this.#plannedMs - this.#doneMs > this.#parts.maxAheadMs && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
        setTimeout(resolve, WATCH_EVERY_MS).unref();
      });
    }
    while (!signal.aborted && !await atDoor(() => this.#parts.audio.hasRoom())) {
      await new Promise((resolve) => { setTimeout(resolve, ROOM_LOOK_MS); });
    }
    if (signal.aborted) throw new AsrError('cancelled');
  }

  /** Takes results in order until the last. */
  async #collect(signal: AbortSignal): Promise<void> {
    const joiner = new SegmentJoiner(this.#model.chunkPolicy.maxChunkMs / 2);
    for await (const event of this.#follow(signal)) {
      switch (event.type) {
        case 'result':
          this.#results.push(event.result);
          this.#doneMs = event.doneMs;
          this.#lastProgressMs = performance.now();
          this.#onRoom();
          this.#progress.push({ segments: joiner.push(event.result), doneMs: event.doneMs });
          break;
        case 'assembling': {
          const segments = joiner.finish();
          if (segments.length > 0) this.#progress.push({ segments, doneMs: this.#doneMs });
          return;
        }
        case 'failed': throw AsrError.fromRecord(event.error);
        case 'cancelled': throw new AsrError('cancelled');
      }
    }
    throw new AsrError('cancelled');
  }

  /** The job's events; a Redis that is away for a moment is waited for. */
  async *#follow(signal: AbortSignal): AsyncGenerator<StreamedEvent> {
    let last = '0';
    let downSinceMs: number | null = null;
    while (!signal.aborted) {
      try {
        for await (const event of this.#parts.events.follow(this.id, last, signal)) {
          downSinceMs = null;
          last = event.id;
          yield event;
        }
        return;
      } catch (error) {
        if (error instanceof AsrError) throw error;
        downSinceMs ??= performance.now();
        if (performance.now() - downSinceMs > OUTAGE_MS) throw backendUnavailable(error);
        await new Promise((resolve) => { setTimeout(resolve, ROOM_LOOK_MS); });
      }
    }
  }

  /** Renews the lease, looks after lost entries, and gives up when no worker is there. */
  #watch(signal: AbortSignal, giveUp: (error: AsrError) => void): void {
    let servedMs = performance.now();
    let renewedMs = performance.now();
    const look = async (): Promise<void> => {
      const now = performance.now();
      if (now - renewedMs > this.#parts.leaseMs / 3) {
        if (!await this.#parts.jobs.renew(this.#job)) giveUp(new AsrError('cancelled', 'The work has expired. Send the request again.'));
        renewedMs = now;
      }
      const served = await this.#parts.registry.isServed(this.#job.modelSlug);
      if (served) servedMs = now;
      else if (now - servedMs > this.#parts.workerWaitMs) giveUp(new AsrError('no_worker', undefined, { retryAfterSeconds: 5 }));
      if (served && now - this.#lastProgressMs > QUIET_MS) {
        await this.#parts.jobs.requeueLost(this.#job);
        this.#lastProgressMs = now;
      }
    };
    const timer = setInterval(() => {
      // Trouble with Redis is told by the reader of events.
      look().catch(() => undefined);
    }, WATCH_EVERY_MS);
    signal.addEventListener('abort', () => { clearInterval(timer); }, { once: true });
    if (signal.aborted) clearInterval(timer);
  }

  /** Stops everything and takes the job's keys away; not waited for, since the lease does the same when it fails. */
  #leave(error?: AsrError): void {
    this.#ended.abort();
    void (async () => {
      if (error !== undefined) await this.#parts.jobs.end(this.#job, error.code === 'cancelled' ? 'cancelled' : 'failed', error.toRecord());
      await this.#parts.jobs.remove(this.#job);
    })().catch(() => undefined);
  }
}
