import { createHash, randomBytes } from 'node:crypto';

/** The form of a client secret as a client shows it: the secret, and after a dot what was attached to it, url-safe. */
const SHOWN = /^(ek_[\w-]+)(?:\.([\w-]+))?$/;

/** A client secret with text attached that is given back by `openClientSecret`; nothing is hidden by it, and nothing keeps its holder from changing it. */
export function sealClientSecret(secret: string, attached: string): string {
  return attached === '' ? secret : `${secret}.${Buffer.from(attached, 'utf8').toString('base64url')}`;
}

/** The parts of what a client shows, or null when it is no client secret. Nothing says yet that it is a good one. */
export function openClientSecret(shown: string): { readonly secret: string; readonly attached: string } | null {
  const [, secret, attached] = SHOWN.exec(shown) ?? [];
  return secret === undefined ? null : { secret, attached: Buffer.from(attached ?? '', 'base64url').toString('utf8') };
}

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
