import { AsrError, type ModelCard } from '@murmuration/contracts';
import { atDoor, listCards, type Cards, type Redis } from '@murmuration/queue';

/** How long cards are believed before they are read again, milliseconds. */
const FRESH_MS = 1_000;
const LOOK_EVERY_MS = 250;

/** Names that stand for the default model whatever it is. */
const ALIAS = /^(whisper-1|gpt-.*)$/;

/** What is served now, read from the cards at most once a second. */
export class ModelRegistry {
  readonly #redis: Redis;
  readonly #defaultModel: string | null;
  #cards: Cards | null = null;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<Cards> | null = null;

  /** @param defaultModel id that serves the aliases; null when the only model does */
  constructor(redis: Redis, defaultModel: string | null) {
    this.#redis = redis;
    this.#defaultModel = defaultModel;
  }

  /** Throws `backend_unavailable`. */
  async cards(): Promise<Cards> {
    if (this.#cards !== null && performance.now() - this.#readAtMs < FRESH_MS) return this.#cards;
    this.#reading ??= atDoor(() => listCards(this.#redis)).then((cards) => {
      this.#cards = cards;
      this.#readAtMs = performance.now();
      return cards;
    }).finally(() => { this.#reading = null; });
    return this.#reading;
  }

  /** True when a worker of the model was heard of lately. */
  async isServed(slug: string): Promise<boolean> {
    return (await this.cards()).workers.some((card) => card.model.slug === slug);
  }

  /**
   * Card of the model that serves `name`; waits for a first worker when none was ever seen.
   * Throws `model_not_found`, `no_worker` after `waitMs`, `backend_unavailable`, `cancelled`.
   */
  async resolve(name: string | null, waitMs: number, signal?: AbortSignal): Promise<ModelCard> {
    const untilMs = performance.now() + waitMs;
    for (;;) {
      const cards = await this.cards();
      if (cards.models.length > 0) return this.#choose(name, cards);
      if (signal?.aborted === true) throw new AsrError('cancelled');
      if (performance.now() >= untilMs) throw new AsrError('no_worker', 'No worker has ever announced a model. Start one, or wait until it has loaded its model.', { retryAfterSeconds: 5 });
      await new Promise((resolve) => { setTimeout(resolve, LOOK_EVERY_MS); });
    }
  }

  #choose(name: string | null, cards: Cards): ModelCard {
    if (name !== null) {
      const exact = cards.models.find((card) => card.model.id === name || card.model.slug === name);
      if (exact !== undefined) return exact;
    }
    const served = cards.models.filter((card) => cards.workers.some((worker) => worker.model.slug === card.model.slug));
    const candidates = served.length > 0 ? served : cards.models;
    const byDefault = cards.models.find((card) => card.model.id === this.#defaultModel) ?? (candidates.length === 1 ? candidates[0] : undefined);
    if (byDefault !== undefined && (name === null || ALIAS.test(name) || candidates.length === 1)) return byDefault;
    if (name === null) throw new AsrError('model_not_found', 'Several models are served and none is the default. Name one that GET /v1/models lists.', { param: 'model' });
    throw new AsrError('model_not_found', undefined, { param: 'model' });
  }
}
