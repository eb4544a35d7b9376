import type { Redis } from 'ioredis';
import { atDoor } from './connections.js';
import { ticketKey } from './keys.js';

/** What tickets stand for (text that `packages/access` signs), by the SHA-256 of the ticket, for all doors of the cluster. Expired ones are gone by themselves. All throw `backend_unavailable`. */
export class RedisTicketStore {
  readonly #redis: Redis;

  /** @param redis a door's connection, which stays the caller's */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async put(ticketHash: string, meaning: string, lifeMs: number): Promise<void> {
    await atDoor(() => this.#redis.set(ticketKey(ticketHash), meaning, 'PX', lifeMs));
  }

  /** What was put, or null when the ticket is not there or has expired. */
  async read(ticketHash: string): Promise<string | null> {
    return atDoor(() => this.#redis.get(ticketKey(ticketHash)));
  }

  /** As `read`, and takes the ticket away; of several calls at once one gets it. */
  async take(ticketHash: string): Promise<string | null> {
    return atDoor(() => this.#redis.getdel(ticketKey(ticketHash)));
  }
}
