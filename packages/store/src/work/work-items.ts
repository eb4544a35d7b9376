import {
  joinTexts,
  plannedChunkSchema,
  type ChunkResult,
  type ErrorRecord,
  type Lane,
  type PlannedChunk,
  type JobId,
} from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { CANCELLED_CHANNEL, SETTLE_CHANNEL, jobKeys } from '../keys.js';
import { loadScript, runLua } from '../redis-commands.js';
import { HeldItems, type HeldItem, type ItemTrouble, type Taken } from './held-items.js';
import type { TicketQueues } from './ticket-queue.js';

const giveResults = loadScript('give-results');
const failItem = loadScript('fail-item');

/** A chunk of a recording that this worker holds. */
export interface WorkItem extends HeldItem<JobId> {
  readonly chunk: PlannedChunk;
  /** Text of the item before, of a job whose items continue each other; else ''. */
  readonly textBefore: string;
}

/** From this probability on the language of an item is that of the recording; … */
const SURE_LANGUAGE = 0.5;
/** … after so many items that of any is: till then they go one by one. */
const UNSURE_ITEMS = 3;

/** Recordings' chunks as workers see them; their states stand in `HeldItems`. Throws what Redis throws. */
export class WorkItems {
  readonly #redis: Redis;
  readonly #held: HeldItems<JobId>;

  /** Takes what `HeldItems` takes. */
  constructor(redis: Redis, queues: TicketQueues, slug: string, trouble?: ItemTrouble) {
    this.#redis = redis;
    this.#held = new HeldItems(redis, queues, slug, jobKeys, trouble);
  }

  /**
   * Takes up to `limit` items by a ticket, and queues the job's next ticket while items are left.
   * `turnMs` is the audio that one turn brings, 0 or more: so jobs share by the length of their audio, however long their items are. Default without a bound.
   * Empty when there is nothing to do under the ticket: its items are done, or the job has ended.
   */
  async take(
    ticket: { readonly job: JobId; readonly ticket: number },
    limit: number,
    turnMs = Number.MAX_SAFE_INTEGER,
  ): Promise<WorkItem[]> {
    const taken = await this.#held.take(ticket, limit, turnMs);
    return taken.map(({ planned, before, ...item }) => {
      const chunk = plannedChunkSchema.parse(JSON.parse(planned));
      return { ...item, textBefore: before, chunk, ...(chunk.trace === undefined ? {} : { trace: chunk.trace }) };
    });
  }

  /** Says that the run of some items of one job begins: should the worker die now, they are under suspicion. Throws nothing. */
  async begin(items: readonly HeldItem<JobId>[]): Promise<void> {
    await this.#held.begin(items);
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
    await this.#held.queueNext({ id: first.item.job, lane }, next, firstIndex);
    return taken;
  }

  /** Fails the whole job because of this item. Workers that hold others of its items hear of it. */
  async fail(item: Pick<WorkItem, 'job' | 'index' | 'fence'>, error: ErrorRecord): Promise<Taken> {
    const keys = jobKeys(item.job);
    const taken = (await runLua(
      this.#redis,
      failItem,
      [keys.job, keys.chunks, keys.tries, keys.events],
      [item.index, item.fence, JSON.stringify(error), keys.wake, SETTLE_CHANNEL],
    )) as Taken;
    if (taken === 'ok') await this.#redis.publish(CANCELLED_CHANNEL, item.job);
    return taken;
  }
}

/** True when an item with text decides the language of a recording that asks for none: noise and music that became text have no sure language. */
function decidesLanguage(index: number, probability: number | null): boolean {
  return probability === null || probability >= SURE_LANGUAGE || index >= UNSURE_ITEMS;
}

/** Calls back with the id of every job that is cancelled or failed anywhere. */
export async function onCancelled(subscriber: Redis, listener: (job: JobId) => void): Promise<void> {
  subscriber.on('message', (channel: string, job: JobId) => {
    if (channel === CANCELLED_CHANNEL) listener(job);
  });
  await subscriber.subscribe(CANCELLED_CHANNEL);
}
