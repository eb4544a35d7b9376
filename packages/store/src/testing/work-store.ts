import assert from 'node:assert/strict';
import { decodeOptionsSchema } from '@murmuration/contracts';
import { createLogger } from '@murmuration/runtime';
import type { AudioStore } from '../audio-store/audio-store.js';
import { openAudioStore } from '../audio-store/open-audio-store.js';
import { patientConnection, subscriberConnection, type Redis } from '../connections.js';
import { JobStore, type JobIdentity } from '../job-store.js';
import { JobEvents, type StreamedEvent } from '../job-stream.js';
import { WakeChannels } from '../live/wake-channels.js';
import type { Taken } from '../work/held-items.js';
import { TicketQueues } from '../work/ticket-queue.js';
import { WorkItems, type WorkItem } from '../work/work-items.js';
import { testChunk, testResult } from './fixtures.js';
import { startRedis, type TestRedis } from './start-redis.js';

export const logger = createLogger({ service: 'test', level: 'silent' });

/** Audio of a `testChunk`. */
export const PCM = new Uint8Array(320).fill(7);

/** For a `TicketWorker` that tells nobody what it meets. */
export const QUIET = { onFetch: () => undefined, onStalled: () => undefined, onError: () => undefined };

/** Jobs on a Redis of their own, and what a worker does with their items. */
export class WorkStore {
  readonly redis: Redis;
  readonly queues: TicketQueues;
  readonly audio: AudioStore;
  readonly jobs: JobStore;
  readonly events: JobEvents;
  readonly #server: TestRedis;
  readonly #subscriber: Redis;
  #nextId = 1;

  private constructor(server: TestRedis, redis: Redis, audio: AudioStore) {
    this.#server = server;
    this.redis = redis;
    this.audio = audio;
    this.#subscriber = subscriberConnection(server.url, logger);
    this.queues = new TicketQueues(redis);
    this.jobs = new JobStore(redis, this.queues, audio, 30_000, () => 0);
    this.events = new JobEvents(redis, new WakeChannels(this.#subscriber));
  }

  static async start(): Promise<WorkStore> {
    const server = await startRedis();
    const redis = patientConnection(server.url, logger);
    const audio = await openAudioStore({ kind: 'redis', url: server.url, budgetBytes: 100_000_000 }, redis, (url) =>
      patientConnection(url, logger),
    );
    return new WorkStore(server, redis, audio);
  }

  get url(): string {
    return this.#server.url;
  }

  async close(): Promise<void> {
    await this.queues.close();
    this.audio.close();
    this.#subscriber.disconnect();
    await this.redis.quit();
    await this.#server.close();
  }

  /** A job without items. @param modelSlug of its own unless given */
  async newJob(
    owner: string | null = null,
    lane: JobIdentity['lane'] = 'interactive',
    modelSlug?: string,
  ): Promise<JobIdentity> {
    const id = `t${String(this.#nextId++)}`;
    const job: JobIdentity = {
      id,
      lane,
      modelId: id,
      modelSlug: modelSlug ?? `model-${id}`,
      decode: decodeOptionsSchema.parse({}),
      awaitsLanguage: false,
      owner,
    };
    await this.jobs.create(job);
    return job;
  }

  /** Adds `testChunk`s. */
  async add(job: JobIdentity, count: number, from = 0): Promise<void> {
    for (let i = from; i < from + count; i++) assert.equal(await this.jobs.addChunk(job, testChunk(i), PCM), true);
  }

  itemsOf(job: JobIdentity): WorkItems {
    return new WorkItems(this.redis, this.queues, job.modelSlug);
  }

  take(job: JobIdentity, ticket: number, limit = 100): Promise<WorkItem[]> {
    return this.itemsOf(job).take({ job: job.id, ticket }, limit);
  }

  async takeOne(job: JobIdentity, ticket: number): Promise<WorkItem> {
    const [item] = await this.take(job, ticket, 1);
    assert.ok(item);
    return item;
  }

  give(job: JobIdentity, ...items: WorkItem[]): Promise<Taken[]> {
    return this.itemsOf(job).give(items.map((item) => ({ item, result: testResult(item.index) })));
  }

  /** Numbers of the job's tickets that the queue knows. */
  async queued(job: JobIdentity): Promise<number[]> {
    const all = Array.from({ length: 20 }, (_, at) => ({ job: job.id, ticket: at + 1 }));
    const missing = new Set((await this.queues.missing(job.modelSlug, all)).map(({ ticket }) => ticket));
    return all.map(({ ticket }) => ticket).filter((ticket) => !missing.has(ticket));
  }

  /** Events of the job after an id, to the end of its items. */
  async told(job: JobIdentity, afterId = '0'): Promise<StreamedEvent[]> {
    const list: StreamedEvent[] = [];
    for await (const event of this.events.follow(job.id, afterId, AbortSignal.timeout(10_000))) {
      list.push(event);
      if (event.type === 'assembling') break;
    }
    return list;
  }
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()))
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
}
