import { AsrError } from '@murmuration/contracts';
import { storeCall, type Redis } from './connections.js';
import { heldTickets, ticketKey } from './keys.js';
import { loadScript, runLua } from './redis-commands.js';

const reserveTicket = loadScript('reserve-ticket');

/** Tickets and client secrets that a key may have at once: about 3 MB of Redis. */
const MOST_A_KEY = 10_000;

/** What tickets stand for (text that `packages/access` signs), by the SHA-256 of the ticket, for all API nodes of the cluster. Expired ones are gone by themselves. All throw `backend_unavailable`. */
export class RedisTicketStore {
  readonly #redis: Redis;

  readonly #mostAKey: number;

  /** @param redis an API node's connection, which stays the caller's */
  constructor(redis: Redis, { mostAKey = MOST_A_KEY } = {}) {
    this.#redis = redis;
    this.#mostAKey = mostAKey;
  }

  /** Throws `queue_full` while the key has as many as it may, so that one key cannot fill the store. */
  async put(ticketHash: string, meaning: string, lifeMs: number, keyId: string): Promise<void> {
    const waitMs = (await storeCall(() =>
      runLua(this.#redis, reserveTicket, [heldTickets(keyId)], [ticketHash, lifeMs, this.#mostAKey]),
    )) as number;
    if (waitMs > 0)
      throw new AsrError(
        'queue_full',
        'This key has as many tickets and client secrets as it may. Use those there are, or wait until some have expired.',
        { retryAfterSeconds: Math.ceil(waitMs / 1_000) },
      );
    await storeCall(() => this.#redis.set(ticketKey(ticketHash), meaning, 'PX', lifeMs));
  }

  /** What was put, or null when the ticket is not there or has expired. */
  async read(ticketHash: string): Promise<string | null> {
    return storeCall(() => this.#redis.get(ticketKey(ticketHash)));
  }

  /** As `read`, and takes the ticket away; of several calls at once one gets it. */
  async take(ticketHash: string): Promise<string | null> {
    return storeCall(() => this.#redis.getdel(ticketKey(ticketHash)));
  }
}
