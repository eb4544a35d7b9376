import { randomUUID } from 'node:crypto';
import type { Redis } from './connections.js';
import { loadScript, runLua } from './redis-commands.js';

const keepTurn = loadScript('keep-turn');

/** A node that died in its turn is replaced after this, milliseconds. */
const HOLD_MS = 15_000;

/** Whose turn it is to do what one node does for all. free --`take`--> held --`pass`--> resting --time--> free */
export class Turn {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #name = randomUUID();

  /** The connection stays the caller's. @param key where the turn lies, see `keys.ts` */
  constructor(redis: Redis, key: string) {
    this.#redis = redis;
    this.#key = key;
  }

  /** True when the turn is the caller's until it passes it on. */
  async take(): Promise<boolean> {
    return (await this.#redis.set(this.#key, this.#name, 'PX', HOLD_MS, 'NX')) === 'OK';
  }

  /** Keeps the turn. Throws when another node has it. */
  async hold(): Promise<void> {
    if ((await this.#keep(HOLD_MS)) !== 1) throw new Error('another node has taken the turn over');
  }

  /** Ends the turn; nobody takes the next for `restMs`. */
  async pass(restMs: number): Promise<void> {
    await this.#keep(restMs);
  }

  #keep(lifeMs: number): Promise<unknown> {
    return runLua(this.#redis, keepTurn, [this.#key], [this.#name, lifeMs]);
  }
}
