import { UnrecoverableError, WaitingError, Worker } from 'bullmq';
import { chunkJobSchema, liveJobSchema, type ChunkJob, type LiveJob } from '@murmuration/contracts';
import type { Redis } from 'ioredis';
import { LIVE, type CHUNK } from './chunk-queue.js';
import { PREFIX } from './keys.js';

/** A killed worker's chunks start again within 10 s: measured 3.9 to 8.3 s with these two. */
const LOCK_MS = 6_000;
const STALLED_EVERY_MS = 3_000;
/** BullMQ's 1 would fail innocent batch mates; poison is told by the chunk's own crashes. */
const MAX_STALLED = 10;

/** Thrown by a handler to give the chunk back to the queue, for another worker. */
export class HandBack extends Error {
  override readonly name = 'HandBack';
}

export interface ChunkWorkerEvents {
  /** The queue was heard from: an entry came or an empty look returned. */
  onFetch(): void;
  onStalled(): void;
  /** Trouble with Redis or the queue; the worker goes on by itself. */
  onError(error: Error): void;
}

export interface ChunkWorkerHandlers {
  chunk(entry: ChunkJob): Promise<void>;
  live(entry: LiveJob): Promise<void>;
}

/** Takes entries off one model's queue, `concurrency` at most at a time. */
export class ChunkWorker {
  readonly #worker: Worker<ChunkJob | LiveJob, void, typeof CHUNK | typeof LIVE>;

  /** @param handlers each resolves when the chunk needs no more work; throws `HandBack` to return it; any other error drops the entry (the job's owner queues it again) */
  constructor(slug: string, connection: Redis, concurrency: number, handlers: ChunkWorkerHandlers, events: ChunkWorkerEvents) {
    this.#worker = new Worker(slug, async (entry, token) => {
      events.onFetch();
      const handle = handlerOf(entry, handlers);
      if (handle === null) throw new UnrecoverableError('the entry is not of this version');
      try {
        await handle();
      } catch (error) {
        if (!(error instanceof HandBack)) throw error;
        await entry.moveToWait(token);
        throw new WaitingError();
      }
    }, {
      connection,
      prefix: PREFIX,
      concurrency,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_EVERY_MS,
      maxStalledCount: MAX_STALLED,
      drainDelay: 2,
      runRetryDelay: 1_000,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    });
    this.#worker.on('drained', () => { events.onFetch(); });
    this.#worker.on('stalled', () => { events.onStalled(); });
    this.#worker.on('error', (error) => { events.onError(error); });
  }

  /** Stops taking entries; resolves when the handlers in hand have ended. */
  async close(): Promise<void> {
    await this.#worker.close();
  }
}

function handlerOf(entry: { readonly name: string; readonly data: unknown }, handlers: ChunkWorkerHandlers): (() => Promise<void>) | null {
  if (entry.name === LIVE) {
    const live = liveJobSchema.safeParse(entry.data);
    return live.success ? () => handlers.live(live.data) : null;
  }
  const chunk = chunkJobSchema.safeParse(entry.data);
  return chunk.success ? () => handlers.chunk(chunk.data) : null;
}
