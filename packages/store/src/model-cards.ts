import { modelCardSchema, type ModelCard, type WorkerId } from '@murmuration/contracts';
import type { Redis } from './connections.js';
import { CARD_KEYS } from './keys.js';
import { loadScript, pipelined, runLua } from './redis-commands.js';

const putCard = loadScript('put-card');
const readCards = loadScript('read-cards');

/** A worker that was silent this long counts as gone, milliseconds. */
export const HEARTBEAT_LIFE_MS = 8_000;
/** How often a worker says that it is there, milliseconds. */
export const HEARTBEAT_EVERY_MS = 2_000;

/** A model whose workers are gone stays for this long, milliseconds: work is accepted while a worker starts again. */
const MODEL_GRACE_MS = 60_000;
/** The card of a model that may be woken is kept for this long after its last worker, milliseconds. */
const MODEL_KEEP_MS = 30 * 24 * 3_600_000;

const KEYS = [CARD_KEYS.workers, CARD_KEYS.seen, CARD_KEYS.models, CARD_KEYS.modelsSeen];

/** What the cluster serves, as the workers tell it. */
export interface Cards {
  /** Newest card of each living worker. */
  readonly workers: readonly ModelCard[];
  /** Newest card of every model that is served, was within the last minute, or may be woken. */
  readonly models: readonly ModelCard[];
}

/** Worker side: says that the worker is there. */
export async function publishCard(redis: Redis, card: ModelCard): Promise<void> {
  await runLua(redis, putCard, KEYS, [
    card.workerId,
    JSON.stringify(card),
    card.model.slug,
    HEARTBEAT_LIFE_MS * 10,
    MODEL_KEEP_MS,
  ]);
}

/** Worker side: takes the worker's card away when it ends in order. The model's card stays for a while. */
export async function withdrawCard(redis: Redis, workerId: WorkerId): Promise<void> {
  await pipelined(redis, [
    ['hdel', CARD_KEYS.workers, workerId],
    ['zrem', CARD_KEYS.seen, workerId],
  ]);
}

/**
 * API node side. Cards of another version that cannot be read are left out.
 * @param wakeable ids of models whose workers come when there is work for them
 */
export async function listCards(redis: Redis, wakeable: readonly string[] = []): Promise<Cards> {
  const [workers, models, kept] = (await runLua(redis, readCards, KEYS, [
    HEARTBEAT_LIFE_MS,
    MODEL_GRACE_MS,
    MODEL_KEEP_MS,
  ])) as [string[], string[], string[]];
  const [living, expected] = [workers.flatMap(parse), models.flatMap(parse)];
  const asleep = kept
    .flatMap(parse)
    .filter(({ model }) => wakeable.includes(model.id) && !expected.some((card) => card.model.slug === model.slug));
  const known = [...expected, ...asleep];
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
