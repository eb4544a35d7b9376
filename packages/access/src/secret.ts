import { createHash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;
const TICKET = 'ticket_';
const CLIENT_SECRET = 'ek_';

/** A new API key: 256 random bits, url-safe, so that it also fits a WebSocket subprotocol. */
export function newKey(): string {
  return `murm_${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** A new ticket: 256 random bits, url-safe. */
export function newTicket(): string {
  return `${TICKET}${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** A new secret for a browser, named as OpenAI names its own: 256 random bits, url-safe. */
export function newClientSecret(): string {
  return `${CLIENT_SECRET}${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** True for the form of a ticket; nothing says yet that it is a good one. */
export function isTicket(text: string): boolean {
  return text.startsWith(TICKET);
}

/** True for the form of a client secret without what was attached to it; nothing says yet that it is a good one. */
export function isClientSecret(text: string): boolean {
  return text.startsWith(CLIENT_SECRET);
}

/** SHA-256 of a secret's text, 32 bytes: the only form in which secrets are kept. All have 256 random bits, so that no slow hash is needed. */
export function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest();
}
