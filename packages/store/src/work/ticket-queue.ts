import { Queue, type Job } from 'bullmq';
import type { Lane, WantedPartial, WorkTicket, WorkId } from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { queuePrefix } from '../keys.js';
import { pipelined } from '../redis-commands.js';

/** BullMQ priorities of the lanes: none goes first, then the lower number. */
const PRIORITY: Readonly<Record<Lane, number>> = { live: 0, interactive: 10, batch: 20 };

/** BullMQ orders entries by their priority times this, then by arrival. */
const PRIORITY_STEP = 2 ** 32;

/** From this item on nobody waits for a single item of the recording any more. */
const LONG_FROM_ITEM = 8;

/**
 * The lane of a job's item. A request that somebody waits for is urgent while it is short; the rest of a long one goes as batch work,
 * in batches as large as pays (1.7 times the throughput of single rows with Moonshine on a CPU), so that it does not hold up short ones.
 */
export function laneOf(lane: Lane, index: number): Lane {
  return lane === 'interactive' && index >= LONG_FROM_ITEM ? 'batch' : lane;
}

/** The names of entries: the ticket of a job or a live session, and the partial that a session asks for. */
export const TICKET = 'ticket';
export const PARTIAL = 'partial';

export type EntryData = WorkTicket | WantedPartial;
export type EntryName = typeof TICKET | typeof PARTIAL;

/** Partials come after finals and before everything else. */
const PARTIAL_PRIORITY = 1;

/** A ticket as the scripts of its job or session name it. */
export interface TicketPlace {
  readonly ticket: number;
  /** Index of the item that it begins with: it decides the lane. */
  readonly first: number;
}

/** Id of a ticket: the same ticket twice is one entry. */
function ticketId(job: WorkId, ticket: number): string {
  return `${job}.${String(ticket)}`;
}

/** The queues of all models, as the side that adds to them sees them. */
export class TicketQueues {
  readonly #redis: Redis;
  readonly #queues = new Map<string, Queue<EntryData, void, EntryName>>();

  /** The connection stays the caller's. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Queues tickets of a job or a live session; those that are there already stay as they are. */
  async add(
    slug: string,
    job: { readonly id: string; readonly lane: Lane },
    tickets: readonly TicketPlace[],
  ): Promise<void> {
    const entries = tickets.map(({ ticket, first }) => {
      const lane = laneOf(job.lane, first);
      return {
        name: TICKET,
        data: { job: job.id, ticket, lane },
        opts: { jobId: ticketId(job.id, ticket), priority: PRIORITY[lane] },
      } as const;
    });
    const [single] = entries;
    if (single === undefined) return;
    if (entries.length === 1) await this.#of(slug).add(single.name, single.data, single.opts);
    else await this.#of(slug).addBulk(entries);
  }

  /**
   * Lets the first waiting ticket of a less urgent lane go with those of a lane for one item, where there is one: with the interactive ones the oldest
   * batch ticket, with live entries the most urgent of all. The job's next ticket goes in its own lane again.
   */
  async promote(slug: string, to: 'interactive' | 'live'): Promise<void> {
    const queue = this.#of(slug);
    const from = to === 'live' ? PRIORITY.interactive : PRIORITY.batch;
    const [id] = await this.#redis.zrangebyscore(
      queue.toKey('prioritized'),
      from * PRIORITY_STEP,
      '+inf',
      'LIMIT',
      0,
      1,
    );
    const entry = id === undefined ? undefined : ((await queue.getJob(id)) as Job<WorkTicket> | undefined);
    if (entry?.name !== TICKET) return;
    await entry.updateData({ ...entry.data, ...(to === 'interactive' ? { lane: to } : {}), promoted: true });
    await entry.changePriority({ priority: PRIORITY[to] });
  }

  /** Takes tickets of a job or session back that no worker holds; held ones end by themselves. */
  async remove(slug: string, job: WorkId, tickets: readonly Pick<TicketPlace, 'ticket'>[]): Promise<void> {
    await Promise.allSettled(tickets.map(({ ticket }) => this.#of(slug).remove(ticketId(job, ticket))));
  }

  /** Which of these tickets the queue does not know. */
  async missing<T extends { readonly job: WorkId; readonly ticket: number }>(
    slug: string,
    tickets: readonly T[],
  ): Promise<T[]> {
    const queue = this.#of(slug);
    const known = await pipelined(
      this.#redis,
      tickets.map(({ job, ticket }) => ['exists', queue.toKey(ticketId(job, ticket))]),
    );
    return tickets.filter((_ticket, at) => known[at] === 0);
  }

  /** Queues the partial that a live session asks for; one that is there already stays as it is. */
  async addPartial(slug: string, partial: WantedPartial): Promise<void> {
    await this.#of(slug).add(PARTIAL, partial, {
      jobId: `${partial.session}.p${String(partial.revision)}`,
      priority: PARTIAL_PRIORITY,
    });
  }

  /** Entries of a model's queue: a job has one waiting ticket at most, however many items it has left. */
  async counts(slug: string): Promise<{ waiting: number; active: number }> {
    const counts = await this.#of(slug).getJobCounts('wait', 'prioritized', 'active');
    return { waiting: (counts['wait'] ?? 0) + (counts['prioritized'] ?? 0), active: counts['active'] ?? 0 };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
  }

  #of(slug: string): Queue<EntryData, void, EntryName> {
    let queue = this.#queues.get(slug);
    if (queue === undefined) {
      queue = new Queue(slug, {
        connection: this.#redis,
        prefix: queuePrefix(slug),
        skipWaitingForReady: true,
        skipVersionCheck: true,
        defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 },
        // Nobody reads BullMQ's own events; they cannot be switched off.
        streams: { events: { maxLen: 1 } },
      });
      // Each call tells its own error.
      queue.on('error', () => undefined);
      this.#queues.set(slug, queue);
    }
    return queue;
  }
}
