import { createHash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;

/** A new API key: 256 random bits, url-safe, so that it also fits a WebSocket subprotocol. */
export function newKey(): string {
  return `murm_${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** A new ticket: 256 random bits, url-safe. */
export function newTicket(): string {
  return `ticket_${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** A new secret for a browser, named as OpenAI names its own: 256 random bits, url-safe. */
export function newClientSecret(): string {
  return `ek_${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** SHA-256 of a secret's text, 32 bytes: the only form in which secrets are kept. All have 256 random bits, so that no slow hash is needed. */
export function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest();
}
