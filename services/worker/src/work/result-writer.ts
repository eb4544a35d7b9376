import { setTimeout as pause } from 'node:timers/promises';
import type { ChunkResult, ErrorRecord } from '@murmuration/contracts';
import type { Taken, WorkItem, WorkItems } from '@murmuration/store';
import type { Logger } from '@murmuration/runtime';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** A store that refuses for longer than this is not coming back for this work: its entry is dropped, and whoever owns the work queues it again. */
const GIVE_UP_MS = 10 * 60_000;

/** Calls a store until it takes what it is given: one that is full, read-only or away refuses for a while, and that is no failure of the work. */
export class UntilStored {
  readonly #logger: Logger;
  #refusing = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Throws the last error when the store has refused for ten minutes. */
  async call<T>(call: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      try {
        const value = await call();
        if (this.#refusing) this.#logger.info('the store takes results again');
        this.#refusing = false;
        return value;
      } catch (error) {
        if (performance.now() - startedMs > GIVE_UP_MS) throw error;
        if (!this.#refusing)
          this.#logger.warn(
            { reason: error instanceof Error ? error.message : String(error) },
            'the store refuses; trying again',
          );
        this.#refusing = true;
        await pause(pauseMs);
      }
    }
  }
}

interface Waiting {
  readonly item: WorkItem;
  readonly result: ChunkResult;
  resolve(taken: Taken): void;
  reject(error: unknown): void;
}

/** Writes what became of items. Results of one batch come together, so those of one job go in one script. */
export class ResultWriter {
  readonly #items: Pick<WorkItems, 'begin' | 'give' | 'fail'>;
  readonly #untilStored: UntilStored;
  #begun: WorkItem[] = [];
  #waiting: Waiting[] = [];

  constructor(items: Pick<WorkItems, 'begin' | 'give' | 'fail'>, untilStored: UntilStored) {
    this.#items = items;
    this.#untilStored = untilStored;
  }

  /** Says that the item's run begins. Not waited for. */
  begin(item: WorkItem): void {
    this.#begun.push(item);
    if (this.#begun.length > 1) return;
    setImmediate(() => {
      const begun = this.#begun;
      this.#begun = [];
      for (const items of byJob(begun, (each) => each.job)) void this.#items.begin(items);
    });
  }

  /** Stores the item's result. */
  give(item: WorkItem, result: ChunkResult): Promise<Taken> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, result, resolve, reject });
      if (this.#waiting.length === 1)
        setImmediate(() => {
          this.#flush();
        });
    });
  }

  /** Fails the item's job. */
  fail(item: WorkItem, error: ErrorRecord): Promise<Taken> {
    return this.#untilStored.call(() => this.#items.fail(item, error));
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const group of byJob(waiting, ({ item }) => item.job)) {
      this.#untilStored
        .call(() => this.#items.give(group))
        .then(
          (taken) => {
            group.forEach((each, at) => {
              each.resolve(taken[at] ?? 'gone');
            });
          },
          (error: unknown) => {
            for (const each of group) each.reject(error);
          },
        );
    }
  }
}

function byJob<T>(all: readonly T[], jobOf: (each: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const each of all) {
    const group = groups.get(jobOf(each));
    if (group === undefined) groups.set(jobOf(each), [each]);
    else group.push(each);
  }
  return [...groups.values()];
}
