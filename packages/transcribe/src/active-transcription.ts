import {
  AsrError,
  type ChunkResult,
  type ErrorCode,
  type ModelDescription,
  type RecordingSummary,
  type Transcript,
} from '@murmuration/contracts';
import { awaitedLater, leaveAlone } from '@murmuration/contracts/left-alone';
import { ATTRIBUTE, SPAN } from '@murmuration/runtime';
import { type JobEvents, type JobIdentity, storeCall } from '@murmuration/store';
import { assembleTranscript, SegmentJoiner } from '@murmuration/transcript';
import { followJobEvents } from './follow-events.js';
import { Lease } from './jobs/submission.js';
import type { ModelRegistry } from './model-registry.js';
import { type PlannerParts, RecordingPlanner } from './recording-planner.js';
import type { Transcription, TranscriptionProgress, TranscriptionRequest } from './transcription.js';

/** Called once in the cluster for each job that has ended, with the code of what it failed by, `cancelled`, or null when it is done. */
export type OnJobEnd = (code: ErrorCode | null) => void;

/** What a transcription works with; all of it the node's. */
export interface TranscriptionParts extends PlannerParts {
  readonly events: JobEvents;
  readonly registry: ModelRegistry;
  readonly leaseMs: number;
  /** Without any worker of the model for this long the request ends with `no_worker`. */
  readonly workerWaitMs: number;
  /** Audio planned and not yet transcribed, milliseconds, above which the upload is read no further. */
  readonly maxAheadMs: number;
  readonly onJobEnd: OnJobEnd;
}

const WATCH_EVERY_MS = 1_000;
/** Without progress for this long, the job's tickets are queued again, should the queue have lost them; milliseconds. */
const QUIET_MS = 5_000;

/**
 * One recording at an API node, from its first byte to its transcript.
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
  readonly #planner: RecordingPlanner;
  readonly #results: ChunkResult[] = [];
  readonly #result: Promise<Transcript>;
  #doneMs = 0;
  #lastProgressMs = performance.now();
  #unwatch: () => Promise<void> = () => Promise.resolve();

  /** The job must have been created. Starts at once. */
  constructor(job: JobIdentity, request: TranscriptionRequest, model: ModelDescription, parts: TranscriptionParts) {
    this.id = job.id;
    this.model = job.modelId;
    this.#job = job;
    this.#request = request;
    this.#model = model;
    this.#parts = parts;
    this.#planner = new RecordingPlanner(job, request, model, parts, parts.maxAheadMs);
    this.#result = this.#run();
    awaitedLater(this.#result);
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
      const onAbort = (): void => {
        reject(new AsrError('cancelled'));
      };
      this.#request.signal.addEventListener('abort', onAbort, { once: true });
      if (this.#request.signal.aborted) onAbort();
      this.#watch(reject);
    });
    awaitedLater(failed);
    try {
      const [summary] = await Promise.race([failed, Promise.all([this.#plan(signal), this.#collect(signal)])]);
      const span = this.#parts.tracing.start(SPAN.assemble, {
        parent: this.#job.trace ?? null,
        attributes: { [ATTRIBUTE.job]: this.id, [ATTRIBUTE.lane]: this.#job.lane, [ATTRIBUTE.model]: this.model },
      });
      const transcript = assembleTranscript(this.#results, summary, {
        id: this.id,
        model: this.model,
        task: this.#job.decode.task,
        language:
          this.#job.decode.language ?? (this.#model.languages.length === 1 ? (this.#model.languages[0] ?? null) : null),
        totalMs: performance.now() - this.#startedMs,
      });
      span.set({
        [ATTRIBUTE.audioSeconds]: summary.durationMs / 1_000,
        [ATTRIBUTE.emptyResult]: transcript.segments.length === 0,
      });
      span.end();
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

  async #plan(signal: AbortSignal): Promise<RecordingSummary> {
    const summary = await this.#planner.plan(signal);
    await storeCall(() => this.#parts.jobs.endOfChunks(this.#job));
    return summary;
  }

  /** Takes results in order until the last. */
  async #collect(signal: AbortSignal): Promise<void> {
    const joiner = new SegmentJoiner(this.#model.chunkPolicy.maxChunkMs / 2);
    for await (const event of followJobEvents(this.#parts.events, this.id, signal)) {
      switch (event.type) {
        case 'result':
          this.#results.push(event.result);
          this.#doneMs = event.doneMs;
          this.#lastProgressMs = performance.now();
          this.#planner.done(event.doneMs);
          this.#progress.push({ segments: joiner.push(event.result), doneMs: event.doneMs });
          break;
        case 'assembling': {
          const segments = joiner.finish();
          if (segments.length > 0) this.#progress.push({ segments, doneMs: this.#doneMs });
          return;
        }
        case 'failed':
          throw AsrError.fromRecord(event.error);
        case 'cancelled':
          throw new AsrError('cancelled');
        default:
          break;
      }
    }
    throw new AsrError('cancelled');
  }

  /** Renews the lease, looks after lost entries, and gives up when no worker is there. */
  #watch(giveUp: (error: AsrError) => void): void {
    let servedMs = performance.now();
    const lease = new Lease(this.#parts.jobs, this.#job, this.#parts.leaseMs, () => {
      giveUp(new AsrError('cancelled', 'The work has expired. Send the request again.'));
    });
    const look = async (): Promise<void> => {
      const now = performance.now();
      const served = await this.#parts.registry.isServed(this.#job.modelSlug);
      if (served) servedMs = now;
      else if (now - servedMs > this.#parts.workerWaitMs) giveUp(new AsrError('no_worker'));
      if (served && now - this.#lastProgressMs > QUIET_MS) {
        await this.#parts.jobs.queueTickets(this.#job);
        this.#lastProgressMs = now;
      }
    };
    const timer = setInterval(() => {
      // Trouble with Redis is told by the reader of events.
      look().catch(leaveAlone('repeated'));
    }, WATCH_EVERY_MS);
    this.#unwatch = () => {
      clearInterval(timer);
      return lease.stop();
    };
  }

  /** Stops everything and takes the job's keys away; not waited for, since the lease does the same when it fails. */
  #leave(error?: AsrError): void {
    this.#ended.abort();
    void (async () => {
      // A renewal in flight would put the job on the list of active ones again.
      await this.#unwatch();
      if (error !== undefined)
        await this.#parts.jobs.end(this.#job, error.code === 'cancelled' ? 'cancelled' : 'failed', error.toRecord());
      await this.#parts.jobs.remove(this.#job);
    })().catch(leaveAlone('repeated'));
  }
}

/** Progress as it comes, for any number of readers, each from the beginning. open -> closed | failed. */
class ProgressLog {
  readonly #items: TranscriptionProgress[] = [];
  #end: { readonly error: unknown } | 'closed' | null = null;
  #wake: (() => void)[] = [];

  push(item: TranscriptionProgress): void {
    this.#items.push(item);
    this.#wakeAll();
  }

  close(): void {
    this.#end ??= 'closed';
    this.#wakeAll();
  }

  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wakeAll();
  }

  /** Ends when the log is closed; throws what it failed with. */
  async *read(): AsyncGenerator<TranscriptionProgress> {
    for (let i = 0; ;) {
      const item = this.#items[i];
      if (item !== undefined) {
        i++;
        yield item;
        continue;
      }
      if (this.#end === 'closed') return;
      if (this.#end !== null) throw this.#end.error;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const call of wake) call();
  }
}
