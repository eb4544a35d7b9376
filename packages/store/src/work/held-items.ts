import { randomInt } from 'node:crypto';
import { decodeOptionsSchema, type DecodeOptions, type Lane, type WorkId } from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { loadScript, runLua } from '../redis-commands.js';
import type { TroubleLog } from '../redis-health.js';
import type { TicketPlace, TicketQueues } from './ticket-queue.js';

const takeItems = loadScript('take-items');
const beginRun = loadScript('begin-run');
const listTickets = loadScript('list-tickets');

/** An item of a job or of a live session that this worker holds, under a fence: only the newest holder may write. */
export interface HeldItem<Id extends WorkId = WorkId> {
  /** Id of the job or session. */
  readonly job: Id;
  readonly index: number;
  /** Counts the times that the item was handed out, from the base of its job on: `attemptOf`. */
  readonly fence: number;
  /** Times that it was in a batch that never ended, because its worker died. */
  readonly crashes: number;
  readonly decode: DecodeOptions;
  /** How long it had waited when it was handed out, milliseconds. */
  readonly waitedMs: number;
  /** Where tracing is on, the W3C `traceparent` that work on it belongs to. */
  readonly trace?: string;
}

/** Fences and tickets of a job are numbered from a random multiple of this on. A client may use the id of a job that was taken back for another one: what is left of the first fits nothing of the second. */
const GENERATION = 2 ** 20;
/** Multiples that are drawn from: fences stay exact as numbers of JavaScript and of Lua. */
const GENERATIONS = 2 ** 31;

/** The number that a new job's fences and tickets begin after. */
export function drawBase(): number {
  return randomInt(GENERATIONS) * GENERATION;
}

/** How often an item has been handed out, by its fence. */
export function attemptOf({ fence }: Pick<HeldItem, 'fence'>): number {
  return fence % GENERATION;
}

/** What `HeldItems.take` returns of each item. */
export interface TakenItem<Id extends WorkId> extends HeldItem<Id> {
  /** JSON of the chunk or the utterance. */
  readonly planned: string;
  /** Of a job whose items continue each other the text of the item before; of a session what was made of its utterance while it rested; else ''. */
  readonly before: string;
}

/** What became of a result: `ok` (stored), `stale` (another worker has taken the item since), `duplicate` (a result is there) or `gone` (the job or session has ended). */
export type Taken = 'ok' | 'stale' | 'duplicate' | 'gone';

/** The keys of a job's or session's machine, in the order of the scripts. */
export interface ItemKeys {
  readonly job: string;
  readonly chunks: string;
  readonly pending: string;
  readonly tries: string;
}

/** Hears of calls to the store that fail without harm to the work, and when they succeed again. */
export type ItemTrouble = Pick<TroubleLog, 'met' | 'over'>;

/** The values that `take-items.lua` returns of each item. */
const ITEM_VALUES = 4;

/**
 * The machine of work items. It has two users: chunks of recordings (`WorkItems`) and utterances of live sessions (`LiveItems`).
 * An item's state lives in its job or session alone.
 *
 *   waiting (index in `pending`)
 *     --take, by the open ticket--> held (a record in `tries`: fence, crashes, ticket)
 *     --begin--> running (the record names the fence of the run)
 *     --give--> done (its result is stored or in the event stream; the record is gone)
 *   held or running --its ticket comes again: the worker died or handed it back--> held under a new fence; if it was running, with one crash more
 *   held or running --fail--> a chunk: the job has failed; an utterance: done, with an error and no text
 *
 * A job or session has one open ticket while an item of it may be taken. Taking by it opens the next while items are left; so a worker gets up to
 * a turn's worth of one job, the next ticket goes to the back of its lane, and jobs share by rotation. A ticket whose number is not the open one stands for
 * the items that are held under it. BullMQ's lock on the ticket is the only lease: when it runs out, the ticket comes again.
 */
export class HeldItems<Id extends WorkId> {
  readonly #redis: Redis;
  readonly #queues: TicketQueues;
  readonly #slug: string;
  readonly #keysOf: (job: Id) => ItemKeys;
  readonly #trouble: ItemTrouble | undefined;

  /**
   * @param slug names the model whose queue the worker serves. The connection stays the caller's.
   * @param trouble is told of calls that fail and are not thrown, as the work goes on without them
   */
  constructor(redis: Redis, queues: TicketQueues, slug: string, keysOf: (job: Id) => ItemKeys, trouble?: ItemTrouble) {
    this.#redis = redis;
    this.#queues = queues;
    this.#slug = slug;
    this.#keysOf = keysOf;
    this.#trouble = trouble;
  }

  /** Takes up to `limit` items of at most `turnMs` of audio by a ticket, and queues the next ticket while items are left. Empty when nothing is left to do under the ticket. */
  async take(
    { job, ticket }: { readonly job: Id; readonly ticket: number },
    limit: number,
    turnMs: number,
  ): Promise<TakenItem<Id>[]> {
    const keys = this.#keysOf(job);
    const reply = (await runLua(
      this.#redis,
      takeItems,
      [keys.job, keys.chunks, keys.pending, keys.tries],
      [ticket, limit, turnMs],
    )) as [number, number, Lane, string, string, number, ...(number | string)[]] | null;
    if (reply === null) return [];
    const [next, first, lane, decodeText, before, nowMs, ...values] = reply;
    // Not waited for, as its items are to run now.
    void this.queueNext({ id: job, lane }, next, first);
    const decode = decodeOptionsSchema.parse(JSON.parse(decodeText));
    const items: TakenItem<Id>[] = [];
    for (let at = 0; at < values.length; at += ITEM_VALUES) {
      const [index, fence, crashes, text] = values.slice(at, at + ITEM_VALUES) as [number, number, number, string];
      const [plannedAtMs, planned = ''] = /^(\d+) [\d.]+ (.*)$/s.exec(text)?.slice(1) ?? [];
      const waitedMs = Math.max(0, nowMs - Number(plannedAtMs));
      items.push({ job, index, fence, crashes, decode, before, planned, waitedMs });
    }
    return items;
  }

  /**
   * Says that the run of some items of one job or session begins: should the worker die now, they are under suspicion. Throws nothing: where the store does not
   * take it, a crash of this run goes uncounted, and the next is counted.
   */
  async begin(items: readonly HeldItem<Id>[]): Promise<void> {
    const [first] = items;
    if (first === undefined) return;
    const keys = this.#keysOf(first.job);
    await this.#attempt(
      runLua(
        this.#redis,
        beginRun,
        [keys.job, keys.tries],
        items.flatMap((item) => [item.index, item.fence]),
      ),
    );
  }

  /** Queues a ticket that a script named, where it did. Throws nothing: one that gets lost here is found by whoever looks after the job or session. */
  async queueNext(job: { readonly id: string; readonly lane: Lane }, ticket: number, first: number): Promise<void> {
    if (ticket > 0) await this.#attempt(this.#queues.add(this.#slug, job, [{ ticket, first }]));
  }

  async #attempt(call: Promise<unknown>): Promise<void> {
    try {
      await call;
      this.#trouble?.over();
    } catch (error) {
      this.#trouble?.met(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** The tickets that a job or session must have on the queue: the open one, and those under which items are held. None when it has ended. */
export async function ticketsOf(redis: Redis, keys: ItemKeys): Promise<TicketPlace[]> {
  const reply = (await runLua(redis, listTickets, [keys.job, keys.pending, keys.tries], [])) as number[];
  return Array.from({ length: reply.length / 2 }, (_, at) => ({
    ticket: reply[at * 2] ?? 0,
    first: reply[at * 2 + 1] ?? 0,
  }));
}
