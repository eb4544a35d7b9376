import type { TicketStore } from '@murmuration/access';

/** Tickets in memory, for one node. They never expire. */
export class MemoryTickets implements TicketStore {
  readonly tickets = new Map<string, string>();

  put(ticketHash: string, keyId: string): Promise<void> {
    this.tickets.set(ticketHash, keyId);
    return Promise.resolve();
  }

  read(ticketHash: string): Promise<string | null> {
    return Promise.resolve(this.tickets.get(ticketHash) ?? null);
  }

  take(ticketHash: string): Promise<string | null> {
    const keyId = this.read(ticketHash);
    this.tickets.delete(ticketHash);
    return keyId;
  }
}
