import { randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
// Bounds that Standard Webhooks sets for symmetric keys.
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;
const NEW_KEY_BYTES = 32;

/** Whether the text is a signing secret as Standard Webhooks writes it: `whsec_` and the base64 of 24 to 64 bytes. */
export function isWebhookSecret(text: string): boolean {
  if (!text.startsWith(PREFIX)) return false;
  const encoded = text.slice(PREFIX.length);
  const key = Buffer.from(encoded, 'base64');
  return key.length >= MIN_KEY_BYTES && key.length <= MAX_KEY_BYTES && key.toString('base64') === encoded;
}

/** A new secret of 256 random bits. */
export function createWebhookSecret(): string {
  return PREFIX + randomBytes(NEW_KEY_BYTES).toString('base64');
}
