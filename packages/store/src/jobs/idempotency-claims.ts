import { createHash } from 'node:crypto';
import type { JobId } from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { idempotencyKey } from '../keys.js';
import { loadScript, runLua } from '../redis-commands.js';

const replaceClaim = loadScript('replace-claim');

const LIFE_MS = 24 * 3_600_000;

/** Which job a client's Idempotency-Key stands for. */
export interface Claim {
  readonly job: JobId;
  /** Of the request. */
  readonly hash: string;
}

/** Idempotency-Keys of all owners, each kept for a day. */
export class IdempotencyClaims {
  readonly #redis: Redis;

  /** The connection stays the caller's. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async read(owner: string | null, key: string): Promise<Claim | null> {
    const value = await this.#redis.get(placeOf(owner, key));
    return value === null ? null : (JSON.parse(value) as Claim);
  }

  /** Takes the key for a job; answers who has it: the job itself or one that was earlier. */
  async take(owner: string | null, key: string, claim: Claim): Promise<Claim> {
    const place = placeOf(owner, key);
    if ((await this.#redis.set(place, textOf(claim), 'PX', LIFE_MS, 'NX')) === 'OK') return claim;
    return (await this.read(owner, key)) ?? (await this.take(owner, key, claim));
  }

  /** Takes over from a claim whose job is gone. False when somebody else did. */
  async replace(owner: string | null, key: string, gone: Claim, claim: Claim): Promise<boolean> {
    return (
      (await runLua(this.#redis, replaceClaim, [placeOf(owner, key)], [textOf(gone), textOf(claim), LIFE_MS])) === 1
    );
  }

  /** Gives the key up, if the claim has it. */
  async release(owner: string | null, key: string, claim: Claim): Promise<void> {
    await runLua(this.#redis, replaceClaim, [placeOf(owner, key)], [textOf(claim), '', 0]);
  }
}

function textOf(claim: Claim): string {
  return JSON.stringify({ job: claim.job, hash: claim.hash });
}

function placeOf(owner: string | null, key: string): string {
  return idempotencyKey(
    createHash('sha256')
      .update(JSON.stringify([owner, key]))
      .digest('hex'),
  );
}
