import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { ChunkResult, JobState, RecordingSummary, Segment, Transcript, JobId } from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { parseEvent, type StreamedEvent } from '../job-stream.js';
import { SETTLE_CHANNEL, jobKeys } from '../keys.js';
import { loadScript, runLua } from '../redis-commands.js';

const finishJob = loadScript('finish-job');
const closeJob = loadScript('close-job');
const purgeJob = loadScript('purge-job');

/** Entries of a stream that are read at once. */
const PAGE = 100;
/** The manifest outlives the transcript by this, so that an expired result is told from one that never was; milliseconds. */
const MANIFEST_OUTLIVES_MS = 7 * 24 * 3_600_000;
/** The stream of a finished job stays this long, for those who read it; then its events come from what is stored with the transcript. Milliseconds. */
const STREAM_OUTLIVES_MS = 60_000;
/** What is left of a deleted job stays this long, milliseconds. */
const TOMBSTONE_MS = 24 * 3_600_000;
/** No settling takes this long; after it another node may try, milliseconds. */
const CLAIM_MS = 15_000;

/** What the results of a job are put together from. */
export interface JobResults {
  readonly results: readonly ChunkResult[];
  /** The stream that they were in. */
  readonly events: readonly StreamedEvent[];
  readonly summary: RecordingSummary;
}

/**
 * Events of a finished job in order, as short as they can be: `[place, 's', index of the segment in the transcript]`, or the segment itself where the transcript
 * has it otherwise; `[place, 'p', doneMs, plannedMs]`; `[place, type]`. The place is that of the stream's entry, of which the events' ids are made.
 */
export type EventOutline = readonly (readonly [place: number, type: string, ...facts: (number | Segment)[]])[];

/** What is stored of a finished job. */
export interface StoredResult {
  readonly transcript: Transcript;
  /** Null where the stream is there for as long. */
  readonly outline: EventOutline | null;
}

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/**
 * The end of submitted jobs. Every step may be repeated, by any node.
 * assembling --`finish`--> done; failed --`close`--> its work is tidied up; any --`purge`--> cancelled unless it had ended, and nothing but a tombstone is left.
 */
export class JobArchive {
  readonly #redis: Redis;

  /** The connection stays the caller's. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** True when the caller may settle the job now; `release` ends that, or time. */
  async claim(id: string, claimant: string): Promise<boolean> {
    return (await this.#redis.set(jobKeys(id).settling, claimant, 'PX', CLAIM_MS, 'NX')) === 'OK';
  }

  async release(id: string): Promise<void> {
    await this.#redis.del(jobKeys(id).settling);
  }

  /** Counts an attempt at putting the job's results together; answers how many there were. A Redis that is full counts none: 0. */
  async countAttempt(id: string): Promise<number> {
    return this.#redis.hincrby(jobKeys(id).job, 'attempts', 1).catch((error: unknown) => {
      if (error instanceof Error && error.message.startsWith('OOM')) return 0;
      throw error;
    });
  }

  /** All results of an assembling job, or null when it is not that any more. */
  async results(id: string): Promise<JobResults | null> {
    const keys = jobKeys(id);
    const summary = await this.#redis.hget(keys.job, 'summary');
    if (summary === null) return null;
    const results: ChunkResult[] = [];
    const events: StreamedEvent[] = [];
    for (let last = '-'; ;) {
      const entries = await this.#redis.xrange(keys.events, last, '+', 'COUNT', PAGE);
      for (const [entry, fields] of entries) {
        const event = parseEvent(entry, fields);
        events.push(event);
        if (event.type === 'result') results.push(event.result);
        last = `(${entry}`;
      }
      if (entries.length < PAGE) break;
    }
    return { results, events, summary: JSON.parse(summary) as RecordingSummary };
  }

  /**
   * Stores the transcript of an assembling job and ends it. Answers its state then. The stream of events goes soon after.
   * @param outline what the events of the stream are told by once it is gone; stored with the transcript
   */
  async finish(id: string, transcript: Transcript, outline: EventOutline): Promise<JobState | 'gone'> {
    const keys = jobKeys(id);
    return (await runLua(
      this.#redis,
      finishJob,
      [keys.job, keys.events, keys.transcript, keys.chunks, keys.pending, keys.tries, keys.results, keys.terms],
      [
        await zip(JSON.stringify({ transcript, outline } satisfies StoredResult)),
        transcript.language ?? '',
        keys.wake,
        MANIFEST_OUTLIVES_MS,
        STREAM_OUTLIVES_MS,
      ],
    )) as JobState | 'gone';
  }

  /** Tidies up after a job that has failed. Answers its state. @param language what was asked for or found, or null */
  async close(id: string, language: string | null): Promise<JobState | 'gone'> {
    const keys = jobKeys(id);
    return (await runLua(
      this.#redis,
      closeJob,
      [keys.job, keys.events, keys.chunks, keys.pending, keys.tries, keys.results, keys.terms],
      [MANIFEST_OUTLIVES_MS, language ?? ''],
    )) as JobState | 'gone';
  }

  /**
   * Cancels the job unless it has ended, and takes transcript, events, work, what the client attached and messages to its webhook away. Answers its state before.
   * Where this ends it and its webhook is to hear of that, the address stays for `partingMs`.
   */
  async purge(id: string, partingMs: number): Promise<JobState | 'gone'> {
    const keys = jobKeys(id);
    return (await runLua(
      this.#redis,
      purgeJob,
      [
        keys.job,
        keys.events,
        keys.transcript,
        keys.chunks,
        keys.pending,
        keys.tries,
        keys.results,
        keys.terms,
        keys.delivery,
        keys.attempts,
      ],
      [keys.wake, TOMBSTONE_MS, partingMs],
    )) as JobState | 'gone';
  }

  /** Null when its time is over. */
  async transcript(id: string): Promise<Transcript | null> {
    return (await this.stored(id))?.transcript ?? null;
  }

  /** The transcript with the outline of its events; null when its time is over. */
  async stored(id: string): Promise<StoredResult | null> {
    const packet = await this.#redis.getBuffer(jobKeys(id).transcript);
    if (packet === null) return null;
    const stored = JSON.parse((await unzip(packet)).toString()) as StoredResult | Transcript;
    // Before events were stored with it, a packet was the transcript alone; its stream is there as long as itself.
    return 'transcript' in stored ? stored : { transcript: stored, outline: null };
  }

  /** True while the job's stream of events is there. */
  async hasStream(id: string): Promise<boolean> {
    return (await this.#redis.exists(jobKeys(id).events)) === 1;
  }
}

/** Calls back with the id of every accepted job that waits for assembling or has failed. */
export async function onSettle(subscriber: Redis, listener: (job: JobId) => void): Promise<void> {
  subscriber.on('message', (channel: string, job: JobId) => {
    if (channel === SETTLE_CHANNEL) listener(job);
  });
  await subscriber.subscribe(SETTLE_CHANNEL);
}
