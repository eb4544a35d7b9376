import { SharedPlaces } from '@murmuration/access';
import {
  AsrError,
  type Webhook,
  type WebhookDeliveryRecord,
  type WebhookEvent,
  type JobId,
} from '@murmuration/contracts';
import { deliver, parseTarget, retryPauseMs, type GuardedClient } from '@murmuration/outbound';
import { ATTRIBUTE, NO_TRACING, SPAN, type Tracing } from '@murmuration/runtime';
import type { JobManifest, WebhookLog, WebhookQueue, WebhookStanding } from '@murmuration/store';

/** Who signs and sends. */
export interface WebhookSender {
  readonly client: GuardedClient;
  /** Signs where an owner has no secret of its own; `whsec_…`, or null. */
  readonly secret: string | null;
  /** An owner's own secret, or null. */
  ownSecret(owner: string): string | null;
  /** Messages outlive their jobs by this, milliseconds. */
  readonly partingMs: number;
  /** Off unless given. */
  readonly tracing?: Tracing;
  /** Pause before the next attempt; `retryPauseMs` unless given. */
  readonly retryPauseMs?: typeof retryPauseMs;
}

/** Attempts that one node makes at once, and what owners share; receivers are slow, so they are many. */
export const WEBHOOK_PLACES = 32;
/** An owner's messages that find no place are looked at again one after another, so apart; milliseconds. */
const AGAIN_APART_MS = 20;
const AGAIN_AFTER_MS = 250;
/** A message that this node cannot sign is looked at again so soon, by whichever node is free … */
const ELSEWHERE_MS = 1_000;
/** … for so long; then it counts as an attempt without a secret. */
const ELSEWHERE_LIMIT_MS = 60_000;
const MAX_REMEMBERED = 1_000;

/** Tells the owners of jobs how they ended. One message a job, the same in every attempt. */
export class Webhooks {
  readonly #log: WebhookLog;
  readonly #queue: WebhookQueue;
  readonly #sender: WebhookSender;
  // There is always another host.
  readonly #places = new SharedPlaces(WEBHOOK_PLACES, () => Infinity);
  /** When the last message that found no place is looked at again, by whose share it needs; Unix milliseconds. */
  readonly #again = new Map<string, number>();

  constructor(log: WebhookLog, queue: WebhookQueue, sender: WebhookSender) {
    this.#log = log;
    this.#queue = queue;
    this.#sender = sender;
  }

  /** Throws `url_not_allowed`, and `invalid_field` when there is no secret to sign with. */
  check(webhook: Webhook, owner: string | null): void {
    try {
      parseTarget(webhook.url, this.#sender.client.allowlist);
    } catch (error) {
      throw error instanceof AsrError ? new AsrError(error.code, error.message, { param: 'webhook' }) : error;
    }
    if (this.#secretOf(owner) === null)
      throw new AsrError(
        'invalid_field',
        'webhook: no secret is set up that would sign it. Ask the operator to set WEBHOOK_SECRET, or leave the webhook out.',
        { param: 'webhook' },
      );
  }

  /** Queues the message of the job's end if its webhook asks for it. May be called again. */
  async announce(job: JobManifest): Promise<void> {
    const event = `job.${job.state}` as WebhookEvent;
    if (job.webhook?.events.includes(event) !== true) return;
    await this.#open(job, job.webhook, event);
    await this.requeue(job.id);
  }

  /** Queues the delivery of a message again that may have been lost on the way. */
  async requeue(job: JobId): Promise<void> {
    const standing = await this.#log.read(job);
    if (standing?.state === 'pending') await this.#queue.add(job);
    else await this.#log.drop(job);
  }

  /** Tries once, unless its owner has its share of the attempts under way, or another node may have the secret that signs it. Answers milliseconds until the next look, or null when there is none. */
  async attempt(job: JobId): Promise<number | null> {
    const standing = await this.#log.read(job);
    if (standing?.state !== 'pending') return null;
    // A key may have been revoked, or this node be without WEBHOOK_SECRET while others have it.
    if (this.#secretOf(standing.owner) === null && Date.now() - (standing.nextAtMs ?? 0) < ELSEWHERE_LIMIT_MS)
      return ELSEWHERE_MS;
    const group = standing.owner === null ? `host ${new URL(standing.url).host}` : `owner ${standing.owner}`;
    const leave = this.#places.take(group);
    if (leave === null) return this.#againMs(group);
    try {
      return await this.#attempt(job, standing);
    } finally {
      leave();
    }
  }

  #againMs(group: string): number {
    const nowMs = Date.now();
    if (this.#again.size > MAX_REMEMBERED)
      for (const [other, atMs] of this.#again) if (atMs < nowMs) this.#again.delete(other);
    const atMs = Math.max(nowMs + AGAIN_AFTER_MS, (this.#again.get(group) ?? 0) + AGAIN_APART_MS);
    this.#again.set(group, atMs);
    return atMs - nowMs;
  }

  async #attempt(job: JobId, standing: WebhookStanding): Promise<number | null> {
    const atMs = Date.now();
    const tries = standing.tries + 1;
    const firstAtMs = standing.tries === 0 ? atMs : standing.firstAtMs;
    const span = (this.#sender.tracing ?? NO_TRACING).start(SPAN.webhook, {
      parent: standing.trace,
      kind: 'client',
      attributes: { [ATTRIBUTE.job]: job, [ATTRIBUTE.attempt]: tries },
    });
    const outcome = await this.#deliver(standing, tries, span.traceparent);
    span.set({
      [ATTRIBUTE.outcome]: outcome.outcome,
      ...(outcome.status === null ? {} : { [ATTRIBUTE.httpStatus]: outcome.status }),
    });
    span.end(outcome.outcome === 'delivered' ? undefined : (outcome.error ?? outcome.outcome));
    const pauseMs =
      outcome.outcome === 'retry'
        ? (this.#sender.retryPauseMs ?? retryPauseMs)({
            attempt: tries,
            firstAtMs,
            nowMs: Date.now(),
            retryAfterMs: outcome.retryAfterMs,
          })
        : null;
    await this.#log.attempted(
      job,
      {
        atMs,
        status: outcome.status,
        fault: outcome.outcome === 'gone' ? 'gone' : outcome.error,
        durationMs: Math.round(outcome.durationMs),
      },
      {
        state: outcome.outcome === 'delivered' ? 'delivered' : pauseMs === null ? 'failed' : 'pending',
        tries,
        firstAtMs,
        nextAtMs: pauseMs === null ? null : Date.now() + pauseMs,
      },
    );
    return pauseMs;
  }

  /** Tells the webhook again of the end of a job that has ended. */
  async redeliver(job: JobManifest, webhook: Webhook): Promise<void> {
    await this.#open(job, webhook, `job.${job.state}` as WebhookEvent);
    await this.#log.again(job.id);
    await this.#queue.addNow(job.id);
  }

  async deliveries(job: JobId): Promise<WebhookDeliveryRecord[]> {
    const history = await this.#log.history(job);
    if (history === null) return [];
    const { standing, attempts } = history;
    return [
      {
        id: standing.id,
        event: standing.event,
        state: standing.state,
        attempts,
        nextAttemptAtMs: standing.state === 'pending' ? standing.nextAtMs : null,
      },
    ];
  }

  async #open(job: JobManifest, webhook: Webhook, event: WebhookEvent): Promise<void> {
    const keepMs = Math.max(0, (job.expiresAtMs ?? 0) - Date.now());
    await this.#log.open(
      job.id,
      {
        id: `msg_${job.id}_${job.state}`,
        event,
        url: webhook.url,
        owner: job.owner,
        payload: payloadOf(job, event),
        trace: job.trace,
      },
      keepMs + this.#sender.partingMs,
    );
  }

  #deliver(
    { url, id, payload, owner }: WebhookStanding,
    attempt: number,
    traceparent: string | null,
  ): Promise<
    Pick<Awaited<ReturnType<typeof deliver>>, 'outcome' | 'status' | 'durationMs' | 'retryAfterMs'> & {
      readonly error: string | null;
    }
  > {
    const secret = this.#secretOf(owner);
    // It may have been revoked; another may come.
    if (secret === null)
      return Promise.resolve({ outcome: 'retry', status: null, durationMs: 0, retryAfterMs: null, error: 'no_secret' });
    return deliver({ url, secret, id, payload, attempt }, { client: this.#sender.client, traceparent });
  }

  #secretOf(owner: string | null): string | null {
    return (owner === null ? null : this.#sender.ownSecret(owner)) ?? this.#sender.secret;
  }
}

function payloadOf(job: JobManifest, type: WebhookEvent): string {
  const id = job.name ?? job.id;
  const self = `/v1/jobs/${id}`;
  return JSON.stringify({
    type,
    timestamp: new Date(job.finishedAtMs ?? Date.now()).toISOString(),
    data: {
      id,
      status: job.state,
      metadata: job.metadata,
      error: job.error === null ? null : { code: job.error.code, message: job.error.message },
      urls: { self, events: `${self}/events`, transcript: `${self}/transcript.json` },
    },
  });
}
