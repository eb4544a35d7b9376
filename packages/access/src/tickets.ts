import { hashOf, newClientSecret, newTicket } from './secret.js';

/** Keeps tickets for all nodes until they expire. `packages/queue` has one in Redis; all three throw `backend_unavailable`. */
export interface TicketStore {
  put(ticketHash: string, keyId: string, lifeMs: number): Promise<void>;
  /** The id that was put, or null when it is not there or has expired. */
  read(ticketHash: string): Promise<string | null>;
  /** As `read`, and takes it away; of several at once one gets it. */
  take(ticketHash: string): Promise<string | null>;
}

/** A ticket lives this long, milliseconds. */
const TICKET_LIFE_MS = 60_000;

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

/** Keeps client secrets apart from tickets, which may do all that their key may. No key's id has a colon. */
const OF_CLIENT = 'client:';

/** Issues tickets and redeems them. The store knows them by their SHA-256 only, so that whoever reads it cannot use them. */
export class Tickets {
  readonly #store: TicketStore;

  constructor(store: TicketStore) {
    this.#store = store;
  }

  async issue(keyId: string, nowMs: number): Promise<Ticket> {
    const ticket = newTicket();
    await this.#store.put(hashOf(ticket).toString('hex'), keyId, TICKET_LIFE_MS);
    return { ticket, expiresAtMs: nowMs + TICKET_LIFE_MS };
  }

  async issueClientSecret(keyId: string, nowMs: number, lifeMs: number): Promise<ClientSecret> {
    const secret = newClientSecret();
    await this.#store.put(hashOf(secret).toString('hex'), OF_CLIENT + keyId, lifeMs);
    return { secret, expiresAtMs: nowMs + lifeMs };
  }

  /** Id of the key that the client secret stands for, or null. */
  async redeemClientSecret(secret: string): Promise<string | null> {
    const kept = await this.#store.read(hashOf(secret).toString('hex'));
    return kept?.startsWith(OF_CLIENT) === true ? kept.slice(OF_CLIENT.length) : null;
  }

  /** Id of the key that the ticket stands for, or null. */
  async redeem(ticket: string, use: 'read' | 'once'): Promise<string | null> {
    const hash = hashOf(ticket).toString('hex');
    const kept = await this.#store.read(hash);
    // A client secret is no ticket, and is not used up by whoever shows it as one.
    if (kept === null || kept.startsWith(OF_CLIENT)) return null;
    return use === 'once' ? this.#store.take(hash) : kept;
  }
}
