import { randomBytes } from 'node:crypto';
import { AsrError } from '@murmuration/contracts';
import type { Dispatcher } from 'undici';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { Webhook } from 'standardwebhooks';
import type { GuardedClient } from '../guard/guarded-client.js';
import { parseTarget } from '../guard/target-url.js';

/** One attempt to tell a receiver of an event. */
export interface WebhookDelivery extends SignedMessage {
  readonly url: string;
  /** 1 for the first. */
  readonly attempt: number;
}

/** Why an attempt failed: the status was none of success, no answer in time, the address may not be reached, or the network failed. */
export type DeliveryFault = 'status' | 'timeout' | 'url_not_allowed' | 'unreachable';

/** What became of an attempt. Nothing that the receiver said is in it but its status. */
export interface DeliveryOutcome {
  /** `gone`: the receiver wants no more (410), so no retry. */
  readonly outcome: 'delivered' | 'retry' | 'gone';
  readonly attempt: number;
  /** HTTP status, or null when there was no answer. */
  readonly status: number | null;
  readonly durationMs: number;
  readonly error: DeliveryFault | null;
  /** What the receiver asked for by `Retry-After`, milliseconds, or null. */
  readonly retryAfterMs: number | null;
}

export interface DeliverOptions {
  readonly client: GuardedClient;
  /** An answer later than this is none; default 10 s. */
  readonly timeoutMs?: number;
  /** Unix milliseconds, for the signature's time; default `Date.now`. */
  readonly now?: () => number;
  /** W3C header of that name, where the receiver is to continue a trace. */
  readonly traceparent?: string | null;
}

const TIMEOUT_MS = 10_000;
/** A small body is taken in, so that the receiver is not cut off while it writes. */
const MAX_BODY_BYTES = 16_384;

/**
 * Sends an event, signed as Standard Webhooks say, once. 2xx within the time limit is success; redirects are not followed;
 * the answer's body is thrown away. Does not throw for what the receiver or the network does; throws `TypeError` for an id or a secret that is none.
 */
export async function deliver(
  delivery: WebhookDelivery,
  { client, timeoutMs = TIMEOUT_MS, now = Date.now, traceparent = null }: DeliverOptions,
): Promise<DeliveryOutcome> {
  const headers = { ...signedHeaders(delivery, now()), ...(traceparent === null ? {} : { traceparent }) };
  const startedMs = performance.now();
  const ended = new AbortController();
  const timer = setTimeout(() => {
    ended.abort();
  }, timeoutMs);
  const outcome = (
    found: Pick<DeliveryOutcome, 'outcome' | 'status' | 'error'> & { retryAfterMs?: number | null },
  ): DeliveryOutcome => ({
    retryAfterMs: null,
    ...found,
    attempt: delivery.attempt,
    durationMs: performance.now() - startedMs,
  });
  try {
    const url = parseTarget(delivery.url, client.allowlist);
    const response = await client.request(url, {
      method: 'POST',
      headers,
      body: delivery.payload,
      signal: ended.signal,
    });
    const answered = judge(response, now());
    // Whether the rest of the answer comes does not matter any more.
    await response.body.dump({ limit: MAX_BODY_BYTES, signal: ended.signal }).catch(leaveAlone('receiver_gone'));
    return outcome(answered);
  } catch (error) {
    if (ended.signal.aborted) return outcome({ outcome: 'retry', status: null, error: 'timeout' });
    // The name may resolve to something else tomorrow, or the operator may list it.
    return outcome({
      outcome: 'retry',
      status: null,
      error: error instanceof AsrError && error.code === 'url_not_allowed' ? 'url_not_allowed' : 'unreachable',
    });
  } finally {
    clearTimeout(timer);
  }
}

function judge(
  response: Dispatcher.ResponseData,
  nowMs: number,
): Pick<DeliveryOutcome, 'outcome' | 'status' | 'error' | 'retryAfterMs'> {
  const { statusCode: status } = response;
  if (status >= 200 && status <= 299) return { outcome: 'delivered', status, error: null, retryAfterMs: null };
  return {
    outcome: status === 410 ? 'gone' : 'retry',
    status,
    error: 'status',
    retryAfterMs: retryAfterMs(response.headers['retry-after'], nowMs),
  };
}

/** `Retry-After` in seconds or as a date; null when it is absent or neither. */
function retryAfterMs(value: string | string[] | undefined, nowMs: number): number | null {
  if (typeof value !== 'string') return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

const FIRST_PAUSE_MS = 5_000;
const GROWTH = 4;
const LONGEST_PAUSE_MS = 4 * 3_600_000;
/** Attempts begin within a day of the first. */
const LAST_ATTEMPT_AFTER_MS = 24 * 3_600_000;
/** A receiver may ask for a longer pause, up to this. */
const LONGEST_ASKED_MS = 3_600_000;
/** Pauses are spread by a fifth to either side, so that receivers that were down together are not met together. */
const JITTER = 0.2;

interface FailedAttempt {
  /** Attempts made so far, at least 1. */
  readonly attempt: number;
  /** When the first attempt began, Unix milliseconds. */
  readonly firstAtMs: number;
  readonly nowMs: number;
  /** What the receiver asked for by `Retry-After`, milliseconds, or null. */
  readonly retryAfterMs: number | null;
  /** From 0 to 1; default `Math.random`. */
  readonly random?: () => number;
}

/**
 * The pause before the next attempt, milliseconds, or null when the day is over: about 5 s, 20 s, 80 s, 5 min, 21 min, 85 min,
 * then every 4 h: twelve attempts in all.
 */
export function retryPauseMs({
  attempt,
  firstAtMs,
  nowMs,
  retryAfterMs,
  random = Math.random,
}: FailedAttempt): number | null {
  const planned =
    Math.min(FIRST_PAUSE_MS * GROWTH ** (attempt - 1), LONGEST_PAUSE_MS) * (1 - JITTER + 2 * JITTER * random());
  const pause = Math.round(Math.max(planned, Math.min(retryAfterMs ?? 0, LONGEST_ASKED_MS)));
  return nowMs + pause - firstAtMs > LAST_ATTEMPT_AFTER_MS ? null : pause;
}

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
function signedHeaders({ id, secret, payload }: SignedMessage, nowMs: number): Record<string, string> {
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
