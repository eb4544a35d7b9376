import { AsrError, type ModelCard } from '@murmuration/contracts';
import { storeCall, listCards, type Cards, type Redis } from '@murmuration/store';
import { chooseModel } from './choose-model.js';

/** How long cards are believed before they are read again, milliseconds. */
const FRESH_MS = 1_000;
const LOOK_EVERY_MS = 250;

/** What is served now, read from the cards at most once a second. */
export class ModelRegistry {
  readonly #redis: Redis;
  readonly #defaultModel: string | null;
  readonly #wakeable: readonly string[];
  readonly #wanted = new Map<string, number>();
  #cards: Cards | null = null;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<Cards> | null = null;

  /**
   * @param defaultModel name of the model that serves the aliases; null: the one that has been served longest
   * @param wakeable ids of models without workers whose workers come when there is work for them
   */
  constructor(redis: Redis, defaultModel: string | null, wakeable: readonly string[] = []) {
    this.#redis = redis;
    this.#defaultModel = defaultModel;
    this.#wakeable = wakeable;
  }

  /** Models that may be woken, by id, and how many requests wait here for the first worker of each. */
  get demand(): ReadonlyMap<string, number> {
    return new Map(this.#wakeable.map((id) => [id, this.#wanted.get(id) ?? 0]));
  }

  /** Whether a model without workers gets some when there is work for it. */
  mayWake(id: string): boolean {
    return this.#wakeable.includes(id);
  }

  /** Throws `backend_unavailable`. */
  async cards(): Promise<Cards> {
    if (this.#cards !== null && performance.now() - this.#readAtMs < FRESH_MS) return this.#cards;
    this.#reading ??= storeCall(() => listCards(this.#redis, this.#wakeable))
      .then((cards) => {
        this.#cards = cards;
        this.#readAtMs = performance.now();
        return cards;
      })
      .finally(() => {
        this.#reading = null;
      });
    return this.#reading;
  }

  /** True when a worker of the model was heard of lately. */
  async isServed(slug: string): Promise<boolean> {
    return (await this.cards()).workers.some((card) => card.model.slug === slug);
  }

  /**
   * Card of the model that serves `name`; waits for a worker when no model is served, or when nothing is known of a model that may be woken.
   * `onAsleep` is called, perhaps several times, where a model that may be woken has no worker now.
   * Throws `model_not_found`, `no_worker` after `waitMs`, `backend_unavailable`, `cancelled`.
   */
  async resolve(
    name: string | null,
    waitMs: number,
    signal?: AbortSignal,
    onAsleep: () => void = () => undefined,
  ): Promise<ModelCard> {
    const untilMs = performance.now() + waitMs;
    const untold = (waitMs > 0 ? this.#wakeable.find((id) => id === (name ?? this.#defaultModel)) : null) ?? null;
    if (untold !== null) this.#wanted.set(untold, (this.#wanted.get(untold) ?? 0) + 1);
    try {
      const card = await this.#known(name, untold, untilMs, signal, onAsleep);
      // One that slept again is known, and its next worker is woken by what is queued.
      if (this.mayWake(card.model.id) && !(await this.isServed(card.model.slug))) onAsleep();
      return card;
    } finally {
      const left = untold === null ? 0 : (this.#wanted.get(untold) ?? 1) - 1;
      if (untold !== null && left > 0) this.#wanted.set(untold, left);
      else if (untold !== null) this.#wanted.delete(untold);
    }
  }

  /** @param untold id of the model that `name` means, of which no worker may have told yet */
  async #known(
    name: string | null,
    untold: string | null,
    untilMs: number,
    signal: AbortSignal | undefined,
    onAsleep: () => void,
  ): Promise<ModelCard> {
    for (;;) {
      const cards = await this.cards();
      const awaited = untold !== null && !cards.models.some((card) => card.model.id === untold);
      if (cards.models.length > 0 && !awaited) return chooseModel(name, cards, this.#defaultModel);
      if (signal?.aborted === true) throw new AsrError('cancelled');
      if (performance.now() >= untilMs)
        throw new AsrError('no_worker', 'No worker serves a model. Start one, or wait until it has loaded its model.');
      if (awaited) onAsleep();
      await new Promise((resolve) => {
        setTimeout(resolve, LOOK_EVERY_MS);
      });
    }
  }
}
