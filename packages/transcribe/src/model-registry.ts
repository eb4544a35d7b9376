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
  #cards: Cards | null = null;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<Cards> | null = null;

  /** @param defaultModel name of the model that serves the aliases; null: the one that has been served longest */
  constructor(redis: Redis, defaultModel: string | null) {
    this.#redis = redis;
    this.#defaultModel = defaultModel;
  }

  /** Throws `backend_unavailable`. */
  async cards(): Promise<Cards> {
    if (this.#cards !== null && performance.now() - this.#readAtMs < FRESH_MS) return this.#cards;
    this.#reading ??= storeCall(() => listCards(this.#redis))
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
   * Card of the model that serves `name`; waits for a worker when no model is served.
   * Throws `model_not_found`, `no_worker` after `waitMs`, `backend_unavailable`, `cancelled`.
   */
  async resolve(name: string | null, waitMs: number, signal?: AbortSignal): Promise<ModelCard> {
    const untilMs = performance.now() + waitMs;
    for (;;) {
      const cards = await this.cards();
      if (cards.models.length > 0) return chooseModel(name, cards, this.#defaultModel);
      if (signal?.aborted === true) throw new AsrError('cancelled');
      if (performance.now() >= untilMs)
        throw new AsrError('no_worker', 'No worker serves a model. Start one, or wait until it has loaded its model.', {
          retryAfterSeconds: 5,
        });
      await new Promise((resolve) => {
        setTimeout(resolve, LOOK_EVERY_MS);
      });
    }
  }
}
