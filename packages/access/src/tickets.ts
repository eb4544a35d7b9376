import { timingSafeEqual } from 'node:crypto';
import type { KeyRing } from './key-ring.js';
import { hashOf, isClientSecret, isTicket, newClientSecret, newTicket } from './secret.js';

/** Keeps what tickets stand for until they expire, for all nodes. `packages/store` has one in Redis; all three throw `backend_unavailable`. */
export interface TicketStore {
  /** @param keyId whose tickets are counted: throws `queue_full` when the key has as many as it may */
  put(ticketHash: string, meaning: string, lifeMs: number, keyId: string): Promise<void>;
  /** What was put, or null when it is not there or has expired. */
  read(ticketHash: string): Promise<string | null>;
  /** As `read`, and takes it away; of several at once one gets it. */
  take(ticketHash: string): Promise<string | null>;
}

/** A ticket lives this long, milliseconds. */
const TICKET_LIFE_MS = 60_000;
/** The store's clock ends a ticket. Its signed end is compared with clocks of other nodes, which may differ by this much, milliseconds. */
const CLOCK_SKEW_MS = 10 * 60_000;

/** Stands in for a key for a minute where no header can be sent. */
export interface Ticket {
  readonly ticket: string;
  /** Unix milliseconds. */
  readonly expiresAtMs: number;
}

/** Lets a browser transcribe, and do nothing else, until it expires. */
export interface ClientSecret {
  readonly secret: string;
  /** Unix milliseconds. */
  readonly expiresAtMs: number;
}

/**
 * Issues tickets and client secrets and redeems them. The store knows them by their SHA-256 only, so that whoever reads it cannot
 * use them, and keeps beside it `KEYID:EXPIRES:SIGNATURE`, signed by the key that it stands for, so that whoever writes to it cannot
 * make one: the secret is in the file of keys, which all nodes have and the store has not.
 */
export class Tickets {
  readonly #store: TicketStore;
  readonly #keys: { readonly ring: KeyRing } | null;

  /** @param keys the keys that tickets stand for, or null: then they stand for nothing, and none is asked for */
  constructor(store: TicketStore, keys: { readonly ring: KeyRing } | null) {
    this.#store = store;
    this.#keys = keys;
  }

  async issue(keyId: string, nowMs: number): Promise<Ticket> {
    const ticket = newTicket();
    return { ticket, expiresAtMs: await this.#put(ticket, keyId, nowMs, TICKET_LIFE_MS) };
  }

  async issueClientSecret(keyId: string, nowMs: number, lifeMs: number): Promise<ClientSecret> {
    const secret = newClientSecret();
    return { secret, expiresAtMs: await this.#put(secret, keyId, nowMs, lifeMs) };
  }

  /** Id of the key that the client secret stands for, or null. */
  async redeemClientSecret(secret: string, nowMs: number): Promise<string | null> {
    if (!isClientSecret(secret)) return null;
    const hash = hashOf(secret).toString('hex');
    return this.#keyIn(await this.#store.read(hash), hash, nowMs);
  }

  /** Id of the key that the ticket stands for, or null. */
  async redeem(ticket: string, use: 'read' | 'once', nowMs: number): Promise<string | null> {
    // Nothing is taken out of the store for the sake of another kind of secret.
    if (!isTicket(ticket)) return null;
    const hash = hashOf(ticket).toString('hex');
    return this.#keyIn(use === 'once' ? await this.#store.take(hash) : await this.#store.read(hash), hash, nowMs);
  }

  async #put(text: string, keyId: string, nowMs: number, lifeMs: number): Promise<number> {
    const hash = hashOf(text).toString('hex');
    const expiresAtMs = nowMs + lifeMs;
    const signature = this.#sign(keyId, hash, expiresAtMs)?.toString('base64url') ?? '';
    await this.#store.put(hash, [keyId, String(expiresAtMs), signature].join(':'), lifeMs, keyId);
    return expiresAtMs;
  }

  #keyIn(meaning: string | null, hash: string, nowMs: number): string | null {
    const [keyId = '', expires = '', signature = '', ...more] = meaning?.split(':') ?? [];
    const right = this.#sign(keyId, hash, Number(expires));
    if (right === null || more.length > 0) return null;
    const shown = Buffer.from(signature, 'base64url');
    return shown.length === right.length && timingSafeEqual(shown, right) && nowMs < Number(expires) + CLOCK_SKEW_MS
      ? keyId
      : null;
  }

  #sign(keyId: string, hash: string, expiresAtMs: number): Buffer | null {
    return this.#keys?.ring.sign(keyId, `ticket:${hash}:${String(expiresAtMs)}`) ?? null;
  }
}
