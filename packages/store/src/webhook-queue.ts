import { setTimeout as pause } from 'node:timers/promises';
import { DelayedError, Queue, Worker } from 'bullmq';
import { leaveAlone, settled } from '@murmuration/contracts/left-alone';
import type { JobId } from '@murmuration/contracts';
import type { Redis } from './connections.js';
import { WEBHOOKS_PREFIX } from './keys.js';
import type { TroubleLog } from './redis-health.js';

const NAME = 'webhooks';
const DELIVERY = 'delivery';
/** Attempts of a node that was killed are made again within 10 s; as for chunks. */
const LOCK_MS = 6_000;
const STALLED_EVERY_MS = 3_000;
/** The end waits so long for attempts in progress, milliseconds. */
const CLOSE_LIMIT_MS = 4_000;

const REST_MS = 500;

/** What an entry carries: an id only, for queue data is clear text. */
interface DeliveryEntry {
  readonly job: JobId;
}

/** Deliveries that are due, for any node to take. */
export class WebhookQueue {
  readonly #queue: Queue<DeliveryEntry, void, typeof DELIVERY>;

  /** The connection stays the caller's. */
  constructor(redis: Redis) {
    this.#queue = new Queue(NAME, {
      connection: redis,
      prefix: WEBHOOKS_PREFIX,
      skipWaitingForReady: true,
      skipVersionCheck: true,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 },
      streams: { events: { maxLen: 100 } },
    });
    this.#queue.on('error', () => undefined);
  }

  /** Queues the delivery of a job's message; does nothing when it is queued. */
  async add(job: JobId): Promise<void> {
    await this.#queue.add(DELIVERY, { job }, { jobId: job });
  }

  /** As `add`, and one that waits for its next attempt no longer waits. */
  async addNow(job: JobId): Promise<void> {
    // One that is under way cannot be taken away, and need not be.
    await this.#queue.remove(job).catch(leaveAlone('best_effort', 0));
    await this.add(job);
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }
}

/** Takes deliveries off the queue. Several nodes share the work. */
export class WebhookWorker {
  readonly #worker: Worker<DeliveryEntry, void, typeof DELIVERY>;
  #resting: NodeJS.Timeout | null = null;

  /**
   * @param connection one that waits for Redis as long as it takes; it stays the caller's
   * @param atOnce deliveries in progress at once
   * @param deliver answers milliseconds until the next attempt, or null when there is none; what it throws drops the entry
   */
  constructor(connection: Redis, atOnce: number, deliver: (job: JobId) => Promise<number | null>, trouble: TroubleLog) {
    this.#worker = new Worker(
      NAME,
      async (entry, token) => {
        const pauseMs = await deliver(entry.data.job);
        if (pauseMs === null) return;
        await entry.moveToDelayed(Date.now() + pauseMs, token);
        throw new DelayedError();
      },
      {
        connection,
        prefix: WEBHOOKS_PREFIX,
        concurrency: atOnce,
        lockDuration: LOCK_MS,
        stalledInterval: STALLED_EVERY_MS,
        maxStalledCount: 100,
        runRetryDelay: 1_000,
        removeOnComplete: { count: 0 },
        removeOnFail: { count: 0 },
      },
    );
    this.#worker.on('error', (error) => {
      trouble.met(error);
      this.#rest();
    });
    this.#worker.on('drained', () => {
      trouble.over();
    });
    this.#worker.on('active', () => {
      trouble.over();
    });
  }

  /** Stops taking deliveries; resolves when those in progress have ended, or when Redis or a receiver keeps it waiting: then another node tries again. */
  async close(): Promise<void> {
    clearTimeout(this.#resting ?? undefined);
    const limit = new AbortController();
    await Promise.race([this.#worker.close(), settled(pause(CLOSE_LIMIT_MS, undefined, { signal: limit.signal }))]);
    limit.abort();
  }

  /** BullMQ asks again at once when Redis refuses (a replica, full memory): thousands of times a second. So it is held for a moment. */
  #rest(): void {
    if (this.#resting !== null || this.#worker.closing !== undefined) return;
    this.#worker.pause(true).catch(leaveAlone('repeated'));
    this.#resting = setTimeout(() => {
      this.#resting = null;
      this.#worker.resume().catch(leaveAlone('repeated'));
    }, REST_MS);
  }
}
