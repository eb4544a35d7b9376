import { modelCardSchema, type ModelCard } from '@murmuration/contracts';
import type { Redis } from 'ioredis';
import { CARD_KEYS } from './keys.js';
import { putCard, readCards } from './scripts/card-scripts.js';
import { runScript } from './scripts/script.js';

/** A worker that was silent this long counts as gone, milliseconds. */
export const HEARTBEAT_LIFE_MS = 8_000;
/** How often a worker says that it is there, milliseconds. */
export const HEARTBEAT_EVERY_MS = 2_000;

/** What the cluster serves, as the workers tell it. */
export interface Cards {
  /** Newest card of each living worker. */
  readonly workers: readonly ModelCard[];
  /** Newest card of every model ever served, also without a living worker. */
  readonly models: readonly ModelCard[];
}

/** Worker side: says that the worker is there. */
export async function publishCard(redis: Redis, card: ModelCard): Promise<void> {
  await runScript(redis, putCard, [CARD_KEYS.workers, CARD_KEYS.seen, CARD_KEYS.models, card.workerId, JSON.stringify(card), card.model.slug, HEARTBEAT_LIFE_MS * 10]);
}

/** Worker side: takes the worker's card away when it ends in order. The model's card stays. */
export async function withdrawCard(redis: Redis, workerId: string): Promise<void> {
  await redis.multi().hdel(CARD_KEYS.workers, workerId).zrem(CARD_KEYS.seen, workerId).exec();
}

/** Door side. Cards of another version that cannot be read are left out. */
export async function listCards(redis: Redis): Promise<Cards> {
  const [workers, models] = await runScript(redis, readCards, [CARD_KEYS.workers, CARD_KEYS.seen, CARD_KEYS.models, HEARTBEAT_LIFE_MS]) as [string[], string[]];
  return { workers: workers.flatMap(parse), models: models.flatMap(parse) };
}

function parse(text: string): ModelCard[] {
  try {
    const card = modelCardSchema.safeParse(JSON.parse(text));
    return card.success ? [card.data] : [];
  } catch {
    return [];
  }
}
