import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LEDGER_KEYS } from '../keys.js';
import { runScript } from '../scripts/script.js';
import { keepTurn } from '../scripts/submitted-scripts.js';

/** A node that died in its turn is replaced after this, milliseconds. */
const HOLD_MS = 15_000;

/** Whose turn it is to look after accepted jobs: one node's at a time. free --`take`--> held --`pass`--> resting --time--> free */
export class ReconcilerTurn {
  readonly #redis: Redis;
  readonly #name = randomUUID();

  /** The connection stays the caller's. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** True when the turn is the caller's until it passes it on. */
  async take(): Promise<boolean> {
    return await this.#redis.set(LEDGER_KEYS.reconciling, this.#name, 'PX', HOLD_MS, 'NX') === 'OK';
  }

  /** Keeps the turn. Throws when another node has it. */
  async hold(): Promise<void> {
    if (await this.#keep(HOLD_MS) !== 1) throw new Error('another node has taken the turn over');
  }

  /** Ends the turn; nobody takes the next for `restMs`. */
  async pass(restMs: number): Promise<void> {
    await this.#keep(restMs);
  }

  #keep(lifeMs: number): Promise<unknown> {
    return runScript(this.#redis, keepTurn, [LEDGER_KEYS.reconciling, this.#name, lifeMs]);
  }
}
