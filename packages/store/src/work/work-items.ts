import {
  decodeOptionsSchema,
  joinTexts,
  plannedChunkSchema,
  type ChunkResult,
  type DecodeOptions,
  type ErrorRecord,
  type Lane,
  type PlannedChunk,
  type WorkTicket,
} from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { CANCELLED_CHANNEL, SETTLE_CHANNEL, jobKeys } from '../keys.js';
import { loadScript, runLua } from '../lua-script.js';
import type { TicketQueues } from './ticket-queue.js';

const takeItems = loadScript('take-items');
const beginRun = loadScript('begin-run');
const giveResults = loadScript('give-results');
const failItem = loadScript('fail-item');

/** An item that this worker holds, under a fence: only the newest holder may write. */
export interface WorkItem {
  readonly job: string;
  readonly index: number;
  /** Counts the times that the item was handed out. */
  readonly fence: number;
  /** Times that it was in a batch that never ended, because its worker died. */
  readonly crashes: number;
  readonly chunk: PlannedChunk;
  readonly decode: DecodeOptions;
  /** Text of the item before, of a job whose items continue each other; else ''. */
  readonly textBefore: string;
  /** How long the item had waited when it was handed out, milliseconds. */
  readonly waitedMs: number;
}

/** What became of a result: `ok` (stored), `stale` (another worker has taken the item since), `duplicate` (a result is there) or `gone` (the job has ended). */
export type Taken = 'ok' | 'stale' | 'duplicate' | 'gone';

/** From this probability on the language of an item is that of the recording; … */
const SURE_LANGUAGE = 0.5;
/** … after so many items that of any is: till then they go one by one. */
const UNSURE_ITEMS = 3;

/** The values that `take-items.lua` returns of each item. */
const ITEM_VALUES = 4;

/**
 * A job's work items, as workers see them. An item's state lives in its job alone.
 *
 *   waiting (index in `pending`)
 *     --take, by the open ticket--> held (a record in `tries`: fence, crashes, ticket)
 *     --begin--> running (the record names the fence of the run)
 *     --give--> done (its result is stored or in the event stream; the record is gone)
 *   held or running --its ticket comes again: the worker died or handed it back--> held under a new fence; if it was running, with one crash more
 *   held or running --fail--> the job has failed
 *
 * A job has one open ticket while an item of it may be taken. Taking by it opens the next while items are left; so a worker gets up to a batch's
 * worth of one job, the next ticket goes to the back of its lane, and jobs share by rotation. A ticket whose number is not the open one stands for
 * the items that are held under it. BullMQ's lock on the ticket is the only lease: when it runs out, the ticket comes again.
 */
export class WorkItems {
  readonly #redis: Redis;
  readonly #queues: TicketQueues;
  readonly #slug: string;

  /** @param slug names the model whose queue the worker serves. The connection stays the caller's. */
  constructor(redis: Redis, queues: TicketQueues, slug: string) {
    this.#redis = redis;
    this.#queues = queues;
    this.#slug = slug;
  }

  /**
   * Takes up to `limit` items by a ticket, and queues the job's next ticket while items are left.
   * `turnMs` is the audio that one turn brings, 0 or more: so jobs share by the length of their audio, however long their items are. Default without a bound.
   * Empty when there is nothing to do under the ticket: its items are done, or the job has ended.
   */
  async take(
    ticket: Pick<WorkTicket, 'job' | 'ticket'>,
    limit: number,
    turnMs = Number.MAX_SAFE_INTEGER,
  ): Promise<WorkItem[]> {
    const keys = jobKeys(ticket.job);
    const reply = (await runLua(
      this.#redis,
      takeItems,
      [keys.job, keys.chunks, keys.pending, keys.tries],
      [ticket.ticket, limit, turnMs],
    )) as [number, number, Lane, string, string, number, ...(number | string)[]] | null;
    if (reply === null) return [];
    const [next, first, lane, decodeText, textBefore, nowMs, ...values] = reply;
    // Not waited for: a ticket that gets lost here is found by whoever looks after the job.
    this.#queueNext({ id: ticket.job, lane }, next, first).catch(() => undefined);
    const decode = decodeOptionsSchema.parse(JSON.parse(decodeText));
    const items: WorkItem[] = [];
    for (let at = 0; at < values.length; at += ITEM_VALUES) {
      const [index, fence, crashes, planned] = values.slice(at, at + ITEM_VALUES) as [number, number, number, string];
      const [plannedAtMs, chunk] = parsePlanned(planned);
      items.push({
        job: ticket.job,
        index,
        fence,
        crashes,
        decode,
        textBefore,
        chunk,
        waitedMs: Math.max(0, nowMs - plannedAtMs),
      });
    }
    return items;
  }

  /** Says that the run of some items of one job begins: should the worker die now, they are under suspicion. */
  async begin(items: readonly WorkItem[]): Promise<void> {
    const [first] = items;
    if (first === undefined) return;
    const keys = jobKeys(first.job);
    await runLua(
      this.#redis,
      beginRun,
      [keys.job, keys.tries],
      items.flatMap((item) => [item.index, item.fence]),
    );
  }

  /** Stores results of items of one job, each once, and queues the job's next ticket where one became due. Answers in the order of `results`. */
  async give(results: readonly { readonly item: WorkItem; readonly result: ChunkResult }[]): Promise<Taken[]> {
    const [first] = results;
    if (first === undefined) return [];
    const keys = jobKeys(first.item.job);
    const values = results.map(({ item, result }) => ({
      item,
      result,
      text: joinTexts(result.segments.map((segment) => segment.text)),
    }));
    const deciding = values.find(
      ({ item, result, text }) =>
        item.decode.language === null &&
        result.language !== null &&
        text !== '' &&
        decidesLanguage(item.index, result.languageProbability),
    );
    const decode =
      deciding === undefined ? '' : JSON.stringify({ ...deciding.item.decode, language: deciding.result.language });
    const [next, firstIndex, lane, ...taken] = (await runLua(
      this.#redis,
      giveResults,
      [keys.job, keys.chunks, keys.pending, keys.tries, keys.results, keys.events],
      [
        keys.wake,
        SETTLE_CHANNEL,
        decode,
        ...values.flatMap(({ item, result, text }) => [
          item.index,
          item.fence,
          JSON.stringify(result),
          result.audioMs,
          item.decode.conditionOnPreviousText ? text : '',
        ]),
      ],
    )) as [number, number, Lane, ...Taken[]];
    await this.#queueNext({ id: first.item.job, lane }, next, firstIndex).catch(() => undefined);
    return taken;
  }

  /** Fails the whole job because of this item. Workers that hold others of its items hear of it. */
  async fail(item: Pick<WorkItem, 'job' | 'index' | 'fence'>, error: ErrorRecord): Promise<Taken> {
    const keys = jobKeys(item.job);
    const taken = (await runLua(
      this.#redis,
      failItem,
      [keys.job, keys.tries, keys.events],
      [item.index, item.fence, JSON.stringify(error), keys.wake, SETTLE_CHANNEL],
    )) as Taken;
    if (taken === 'ok') await this.#redis.publish(CANCELLED_CHANNEL, item.job);
    return taken;
  }

  async #queueNext(job: { readonly id: string; readonly lane: Lane }, ticket: number, first: number): Promise<void> {
    if (ticket > 0) await this.#queues.add(this.#slug, job, [{ ticket, first }]);
  }
}

/** True when an item with text decides the language of a recording that asks for none: noise and music that became text have no sure language. */
function decidesLanguage(index: number, probability: number | null): boolean {
  return probability === null || probability >= SURE_LANGUAGE || index >= UNSURE_ITEMS;
}

/** When it was planned (Unix milliseconds) and the chunk, as `add-items.lua` wrote them. */
function parsePlanned(text: string): [number, PlannedChunk] {
  const [plannedAtMs, chunk] = /^(\d+) [\d.]+ (.*)$/s.exec(text)?.slice(1) ?? [];
  return [Number(plannedAtMs), plannedChunkSchema.parse(JSON.parse(chunk ?? ''))];
}

/** Calls back with the id of every job that is cancelled or failed anywhere. */
export async function onCancelled(subscriber: Redis, listener: (job: string) => void): Promise<void> {
  subscriber.on('message', (channel: string, job: string) => {
    if (channel === CANCELLED_CHANNEL) listener(job);
  });
  await subscriber.subscribe(CANCELLED_CHANNEL);
}
