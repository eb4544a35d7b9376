import { createHmac, timingSafeEqual } from 'node:crypto';
import type { KeyEntry } from './key-entry.js';
import type { Principal } from './principal.js';
import { hashOf } from './secret.js';

interface Key {
  readonly entry: KeyEntry;
  readonly hash: Buffer;
  readonly expiresAtMs: number;
  readonly principal: Principal;
}

/** The keys of one reading of the file; immutable. */
export class KeyRing {
  readonly #keys: readonly Key[];
  readonly #byId: ReadonlyMap<string, Key>;
  readonly #same: (a: Buffer, b: Buffer) => boolean;

  /** @param same compares two hashes of 32 bytes in a time that does not depend on their bytes */
  constructor(entries: readonly KeyEntry[], same: (a: Buffer, b: Buffer) => boolean = timingSafeEqual) {
    this.#keys = entries.map((entry) => ({
      entry,
      hash: Buffer.from(entry.sha256, 'hex'),
      expiresAtMs: entry.expires_at === undefined ? Number.POSITIVE_INFINITY : Date.parse(entry.expires_at),
      principal: {
        keyId: entry.id,
        name: entry.name,
        owner: entry.name,
        scopes: new Set(entry.scopes),
        weight: entry.weight,
      },
    }));
    this.#byId = new Map(this.#keys.map((key) => [key.entry.id, key]));
    this.#same = same;
    this.names = new Set(entries.filter((entry) => entry.revoked !== true).map((entry) => entry.name)).size;
  }

  /** Names that have a key which is not revoked. */
  readonly names: number;

  get size(): number {
    return this.#keys.length;
  }

  /** Whose the key is at this time (Unix milliseconds); null when it is unknown, expired or revoked. Looks at every key whichever fits, so that the time tells nothing of its place. */
  find(key: string, nowMs: number): Principal | null {
    const hash = hashOf(key);
    let found: Key | undefined;
    for (const candidate of this.#keys) if (this.#same(candidate.hash, hash)) found = candidate;
    return usable(found, nowMs);
  }

  /** As `find`, by the key's id: for tickets, which end with the key that they stand for. */
  byId(id: string, nowMs: number): Principal | null {
    return usable(this.#byId.get(id), nowMs);
  }

  /** HMAC-SHA256 of the text by the hash of this key, which only those have who have the file of keys; null when there is no such key. */
  sign(id: string, text: string): Buffer | null {
    const key = this.#byId.get(id);
    return key === undefined ? null : createHmac('sha256', key.hash).update(text, 'utf8').digest();
  }

  /** Secret that signs the webhooks of this owner: that of its newest usable key that has one, else null. */
  webhookSecret(owner: string, nowMs: number): string | null {
    return this.#newest(owner, nowMs, ({ webhook_secret }) => webhook_secret);
  }

  /** Audio that this owner may use in a month, seconds: that of its newest usable key that says so, else null. */
  monthlyAudioSeconds(owner: string, nowMs: number): number | null {
    return this.#newest(owner, nowMs, ({ monthly_audio_seconds }) => monthly_audio_seconds);
  }

  #newest<T>(owner: string, nowMs: number, valueOf: (entry: KeyEntry) => T | undefined): T | null {
    const [own] = this.#keys
      .filter((key) => key.entry.name === owner && valueOf(key.entry) !== undefined && usable(key, nowMs) !== null)
      .sort((a, b) => Date.parse(b.entry.created_at) - Date.parse(a.entry.created_at));
    return own === undefined ? null : (valueOf(own.entry) ?? null);
  }
}

function usable(key: Key | undefined, nowMs: number): Principal | null {
  return key === undefined || key.entry.revoked === true || nowMs >= key.expiresAtMs ? null : key.principal;
}
