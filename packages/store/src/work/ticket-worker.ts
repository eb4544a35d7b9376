import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker, type Job } from 'bullmq';
import { wantedPartialSchema, workTicketSchema, type WantedPartial, type WorkTicket } from '@murmuration/contracts';
import { settled } from '@murmuration/contracts/left-alone';
import type { Redis } from '../connections.js';
import { queuePrefix } from '../keys.js';
import { PARTIAL, type EntryData, type EntryName } from './ticket-queue.js';

/** A killed worker's items start again within 10 s: measured 3.9 to 8.3 s with these two. */
const LOCK_MS = 6_000;
const STALLED_EVERY_MS = 3_000;
const EXTEND_EVERY_MS = LOCK_MS / 3;
/** BullMQ's 1 would fail innocent batch mates; poison is told by the item's own crashes. */
const MAX_STALLED = 10;
/** How long one look at an empty queue waits, seconds. */
const LOOK_S = 2;
const RETRY_MS = 500;
/** An entry that is of another version is handed back until it was fetched so often, by whichever worker: half a minute and more. */
const MOST_FETCHES_UNREAD = 60;

/** Thrown by a handler to give an entry back to the queue, for another worker. */
export class HandBack extends Error {
  override readonly name = 'HandBack';
}

export interface TicketWorkerEvents {
  /** The queue was heard from: an entry came or an empty look returned. */
  onFetch(): void;
  onStalled(): void;
  /** Trouble with Redis or the queue; the worker goes on by itself. */
  onError(error: Error): void;
}

export interface TicketWorkerHandlers {
  /** Each resolves when the entry needs no more work; throws `HandBack` to return it. Any other error drops the entry: whoever owns the work queues it again. */
  ticket(entry: WorkTicket): Promise<void>;
  partial(entry: WantedPartial): Promise<void>;
  /** False while the worker holds all that it may: then nothing is fetched until `roomChanged`. */
  hasRoom(): boolean;
}

/**
 * Takes entries off one model's queue while its worker has room. An entry is: fetched (locked, the lock renewed while its handler runs) -> completed,
 * handed back, or, should this process die or stand still, taken by another worker once its lock has run out.
 *
 * BullMQ's own loop counts entries, and a ticket stands for a varying number of items; so entries are fetched by hand here, one look at a time.
 */
export class TicketWorker {
  readonly #worker: Worker<EntryData, void, EntryName>;
  readonly #handlers: TicketWorkerHandlers;
  readonly #events: TicketWorkerEvents;
  readonly #token = randomUUID();
  readonly #running = new Map<string, Promise<void>>();
  readonly #extending: NodeJS.Timeout;
  readonly #closing = new AbortController();
  readonly #fetching: Promise<void>;
  #roomChanged: () => void = () => undefined;
  #isExtending = false;

  /** Starts at once. The connection stays the caller's. */
  constructor(slug: string, connection: Redis, handlers: TicketWorkerHandlers, events: TicketWorkerEvents) {
    this.#handlers = handlers;
    this.#events = events;
    this.#worker = new Worker(slug, null, {
      connection,
      prefix: queuePrefix(slug),
      autorun: false,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_EVERY_MS,
      maxStalledCount: MAX_STALLED,
      drainDelay: LOOK_S,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      skipVersionCheck: true,
    });
    this.#worker.on('stalled', () => {
      events.onStalled();
    });
    this.#worker.on('error', (error) => {
      events.onError(error);
    });
    this.#worker.startStalledCheckTimer().catch((error: unknown) => {
      this.#trouble(error);
    });
    this.#extending = setInterval(() => {
      this.#extendLocks();
    }, EXTEND_EVERY_MS);
    this.#fetching = this.#fetch();
  }

  /** Says that `hasRoom` may answer anew. */
  roomChanged(): void {
    this.#roomChanged();
  }

  /** Stops taking entries; resolves when the running handlers have ended. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#roomChanged();
    await Promise.all(this.#running.values());
    // Forced, as no handler runs: BullMQ would wait until its look at an empty queue is over, two seconds.
    await this.#worker.close(true);
    await this.#fetching;
    // An entry that came with the last look is handed back.
    await Promise.all(this.#running.values());
    clearInterval(this.#extending);
  }

  #isStopping(): boolean {
    return this.#closing.signal.aborted;
  }

  async #fetch(): Promise<void> {
    while (!this.#isStopping()) {
      if (!this.#handlers.hasRoom()) {
        await new Promise<void>((resolve) => {
          this.#roomChanged = resolve;
        });
        continue;
      }
      try {
        const entry = (await this.#worker.getNextJob(this.#token)) as Job<EntryData, void, EntryName> | undefined;
        this.#events.onFetch();
        if (entry?.id === undefined) continue;
        const running = this.#run(entry).finally(() => {
          this.#running.delete(entry.id ?? '');
        });
        this.#running.set(entry.id, running);
      } catch (error) {
        if (this.#isStopping()) return;
        this.#trouble(error);
        await settled(pause(RETRY_MS, undefined, { signal: this.#closing.signal }));
      }
    }
  }

  async #run(entry: Job<EntryData, void, EntryName>): Promise<void> {
    try {
      if (this.#isStopping()) throw new HandBack('the worker is stopping');
      await this.#handle(entry);
      await entry.moveToCompleted(undefined, this.#token, false);
    } catch (error) {
      try {
        if (error instanceof HandBack) {
          await entry.moveToWait(this.#token);
        } else {
          this.#trouble(error);
          await entry.moveToCompleted(undefined, this.#token, false);
        }
      } catch (again) {
        // Its lock runs out, and another worker takes it; whoever owns the work finds nothing left of what is done.
        this.#trouble(again);
      }
    }
  }

  async #handle(entry: Job<EntryData, void, EntryName>): Promise<void> {
    if (entry.name === PARTIAL) {
      const partial = wantedPartialSchema.safeParse(entry.data);
      if (partial.success) {
        await this.#handlers.partial(partial.data);
        return;
      }
    } else {
      const ticket = workTicketSchema.safeParse(entry.data);
      if (ticket.success) {
        await this.#handlers.ticket(ticket.data);
        return;
      }
    }
    // While workers are replaced, another version may know it. Whoever owns the work queues it again where it still is to be done.
    if (entry.attemptsStarted >= MOST_FETCHES_UNREAD)
      throw new Error(
        `The entry ${entry.id ?? ''} (${entry.name}) is of another version, and no worker has read it in ${String(entry.attemptsStarted)} attempts: it is dropped.`,
      );
    // Waiting a little keeps two versions from passing it to and fro without a pause.
    await settled(pause(RETRY_MS, undefined, { signal: this.#closing.signal }));
    throw new HandBack('the entry is not of this version');
  }

  #extendLocks(): void {
    const ids = [...this.#running.keys()];
    // One at a time: while Redis is away they would pile up.
    if (ids.length === 0 || this.#isExtending) return;
    this.#isExtending = true;
    // A lock that was lost is told by the fence of what its entry writes.
    this.#worker
      .extendJobLocks(
        ids,
        ids.map(() => this.#token),
        LOCK_MS,
      )
      .catch((error: unknown) => {
        this.#trouble(error);
      })
      .finally(() => {
        this.#isExtending = false;
      });
  }

  #trouble(error: unknown): void {
    this.#events.onError(error instanceof Error ? error : new Error(String(error)));
  }
}
