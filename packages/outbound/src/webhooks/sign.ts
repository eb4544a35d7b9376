import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

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

/** What is signed: the same in every attempt, so that receivers know a repetition. */
export interface SignedMessage {
  /** `whsec_…`, see `isWebhookSecret`. */
  readonly secret: string;
  /** The event's, the same in every attempt: receivers know repetitions by it. Letters, digits, `_` and `-`. */
  readonly id: string;
  /** JSON, exactly as it is signed and sent; the same in every attempt. */
  readonly payload: string;
}

/** Headers of a message, with its signature as Standard Webhooks say. Throws `TypeError` for an id or a secret that is none. */
export function signedHeaders({ id, secret, payload }: SignedMessage, nowMs: number): Record<string, string> {
  if (!/^[\w-]{1,128}$/.test(id)) throw new TypeError('a webhook id has 1 to 128 letters, digits, _ and -');
  const signer = signerOf(secret);
  return {
    'content-type': 'application/json',
    'user-agent': 'murmuration',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(nowMs / 1_000)),
    'webhook-signature': signer.sign(id, new Date(nowMs), payload),
  };
}

function signerOf(secret: string): Webhook {
  try {
    return new Webhook(secret);
  } catch {
    // The library's own words may quote the secret.
    throw new TypeError('the webhook secret is not whsec_ and base64');
  }
}
