import { modelCardSchema, type ModelCard } from '@murmuration/contracts';
import type { Redis } from './connections.js';
import { CARD_KEYS } from './keys.js';
import { loadScript, runLua } from './lua-script.js';

const putCard = loadScript('put-card');
const readCards = loadScript('read-cards');

/** A worker that was silent this long counts as gone, milliseconds. */
export const HEARTBEAT_LIFE_MS = 8_000;
/** How often a worker says that it is there, milliseconds. */
export const HEARTBEAT_EVERY_MS = 2_000;

/** A model whose workers are gone stays for this long, milliseconds: work is accepted while a worker starts again. */
const MODEL_GRACE_MS = 60_000;

const KEYS = [CARD_KEYS.workers, CARD_KEYS.seen, CARD_KEYS.models, CARD_KEYS.modelsSeen];

/** What the cluster serves, as the workers tell it. */
export interface Cards {
  /** Newest card of each living worker. */
  readonly workers: readonly ModelCard[];
  /** Newest card of every model that is served, or was within the last minute. */
  readonly models: readonly ModelCard[];
}

/** Worker side: says that the worker is there. */
export async function publishCard(redis: Redis, card: ModelCard): Promise<void> {
  await runLua(redis, putCard, KEYS, [
    card.workerId,
    JSON.stringify(card),
    card.model.slug,
    HEARTBEAT_LIFE_MS * 10,
    MODEL_GRACE_MS,
  ]);
}

/** Worker side: takes the worker's card away when it ends in order. The model's card stays for a while. */
export async function withdrawCard(redis: Redis, workerId: string): Promise<void> {
  await redis.multi().hdel(CARD_KEYS.workers, workerId).zrem(CARD_KEYS.seen, workerId).exec();
}

/** API node side. Cards of another version that cannot be read are left out. */
export async function listCards(redis: Redis): Promise<Cards> {
  const [workers, models] = (await runLua(redis, readCards, KEYS, [HEARTBEAT_LIFE_MS, MODEL_GRACE_MS])) as [
    string[],
    string[],
  ];
  const [living, known] = [workers.flatMap(parse), models.flatMap(parse)];
  // A worker of an earlier version tells of itself only.
  const untold = new Map(
    living
      .filter((card) => !known.some(({ model }) => model.slug === card.model.slug))
      .map((card) => [card.model.slug, card]),
  );
  return { workers: living, models: [...known, ...untold.values()] };
}

function parse(text: string): ModelCard[] {
  try {
    const card = modelCardSchema.safeParse(JSON.parse(text));
    return card.success ? [card.data] : [];
  } catch {
    return [];
  }
}
