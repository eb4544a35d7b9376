import { AsrError, type DecodeOptions, type WorkTicket } from '@murmuration/contracts';
import { HandBack, attemptOf, type HeldItem, type LiveItem, type WorkItem } from '@murmuration/store';
import type { Logger, Metrics, Tracing } from '@murmuration/runtime';
import type { BatchShare, Holdings } from '../scheduler/holdings.js';
import type { Batcher, BatcherRow, RowResult } from '../scheduler/batcher.js';
import type { CancelledJobs } from './cancelled-jobs.js';
import { ItemTrace } from './item-trace.js';
import type { UntilStored } from './result-writer.js';

/** After this many crashes in all an item fails. */
const MAX_CRASHES = 3;

/**
 * What is done with an item that comes again because workers died while they ran it (`take-items.lua` counts that):
 * once and twice it runs `alone`, so that it takes no other item with it; then it `fails`.
 */
export function afterCrashes(crashes: number): 'batched' | 'alone' | 'fails' {
  if (crashes === 0) return 'batched';
  return crashes < MAX_CRASHES ? 'alone' : 'fails';
}

/** An item that is ready for the model. */
export interface PreparedItem {
  /** 16-bit, 16 kHz. */
  readonly pcm: Buffer;
  readonly options: DecodeOptions;
  readonly speech?: BatcherRow['speech'];
  /** Stores what the model made of it. */
  give(row: RowResult): Promise<void>;
}

/** What differs between the two users of work items: chunks of recordings and utterances of live sessions. All calls wait for a store that refuses. */
export interface ItemUser<Item extends HeldItem> {
  /** Items that a ticket brings, for the count of what the worker holds; those that it brings beyond are counted once they are there. */
  readonly usualItems: number;
  take(ticket: WorkTicket): Promise<readonly Item[]>;
  /** Null when nothing is left to do: the item was given or failed. */
  prepare(item: Item): Promise<PreparedItem | null>;
  /** Says that the item's run begins. Not waited for. */
  begin(item: Item): void;
  fail(item: Item, error: AsrError): Promise<void>;
  /** Errors of an item that ended its worker again and again, and of one that the model failed on. */
  crashed(item: Item): AsrError;
  failed(item: Item, error: unknown): AsrError;
}

interface TranscribeItemsParts {
  readonly recordings: ItemUser<WorkItem>;
  readonly sessions: ItemUser<LiveItem>;
  readonly batcher: Pick<Batcher, 'submit'>;
  readonly holdings: Holdings;
  readonly share: Pick<BatchShare, 'took'>;
  readonly untilStored: UntilStored;
  readonly cancelled: CancelledJobs;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  /** Name of the model, for spans. */
  readonly model: string;
  readonly logger: Logger;
}

/** A ticket from the queue to its items' results: taken together, batched with whatever else the worker holds, each written once. */
export class TranscribeItems {
  readonly #parts: TranscribeItemsParts;

  constructor(parts: TranscribeItemsParts) {
    this.#parts = parts;
  }

  /** Resolves when every item of the ticket has ended. Throws `HandBack` when the worker drains before that. */
  async handle(ticket: WorkTicket): Promise<void> {
    if (ticket.lane === 'live') await this.#handle(ticket, this.#parts.sessions);
    else await this.#handle(ticket, this.#parts.recordings);
  }

  async #handle<Item extends HeldItem>(ticket: WorkTicket, user: ItemUser<Item>): Promise<void> {
    const { cancelled, holdings, share, untilStored } = this.#parts;
    // Before the items are asked for: what ends a job while they come counts for them.
    const cancellations = cancelled.count;
    holdings.reserve(user.usualItems);
    let taken: readonly Item[] = [];
    try {
      taken = await untilStored.call(() => user.take(ticket));
    } finally {
      holdings.release(user.usualItems - taken.length);
    }
    share.took(ticket.lane, taken.length);
    const ended = await Promise.allSettled(
      taken.map((item) =>
        this.#transcribe(item, user, ticket, () => cancelled.has(item.job, cancellations)).finally(() => {
          holdings.release(1);
        }),
      ),
    );
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
  }

  async #transcribe<Item extends HeldItem>(
    item: Item,
    user: ItemUser<Item>,
    { lane }: WorkTicket,
    isCancelled: () => boolean,
  ): Promise<void> {
    const { batcher, metrics } = this.#parts;
    metrics.jobAttempts.observe(attemptOf(item));
    const mode = afterCrashes(item.crashes);
    if (mode === 'fails') {
      await user.fail(item, user.crashed(item));
      return;
    }
    const trace = new ItemTrace(this.#parts.tracing, item, { lane, model: this.#parts.model });
    const prepared = await user.prepare(item);
    if (prepared === null) {
      trace.withoutRun();
      return;
    }
    const row: BatcherRow = {
      pcm: samplesOf(prepared.pcm),
      options: prepared.options,
      ...(prepared.speech === undefined ? {} : { speech: prepared.speech }),
      lane,
      recording: lane === 'live' ? null : item.job,
      alone: mode === 'alone',
      cancelled: isCancelled,
      onRun: () => {
        user.begin(item);
        return trace.begin(prepared.pcm.length);
      },
    };
    let result: RowResult;
    // Nothing in here speaks to the store: what is caught is the model's error.
    try {
      result = await batcher.submit(row);
      trace.transcribed(result);
    } catch (error) {
      trace.failed(error);
      if (error instanceof HandBack) throw error;
      if (error instanceof AsrError && error.code === 'cancelled') return;
      this.#parts.logger.error(
        { err: error, job: item.job, item: item.index, ...trace.logged },
        'the model failed on an item',
      );
      await user.fail(item, user.failed(item, error));
      return;
    }
    if (!isCancelled()) await trace.stored(prepared.give(result));
  }
}

/** The samples of 16-bit PCM as it comes from Redis; copied only where the bytes lie at an odd place. */
export function samplesOf(pcm: Buffer): Int16Array {
  if (pcm.byteOffset % 2 === 0) return new Int16Array(pcm.buffer, pcm.byteOffset, pcm.byteLength >> 1);
  const copy = new Uint8Array(pcm);
  return new Int16Array(copy.buffer, 0, copy.byteLength >> 1);
}
