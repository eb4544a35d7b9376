import type { WebhookAttempt, WebhookDeliveryRecord, WebhookEvent, JobId } from '@murmuration/contracts';
import type { Redis } from './connections.js';
import { JOB_INDEX_KEYS, jobKeys } from './keys.js';
import { loadScript, runLua, transacted } from './redis-commands.js';

const openDelivery = loadScript('open-delivery');

/** Attempts that are remembered of a job, newest. */
const MAX_ATTEMPTS = 50;

/** A message to a job's webhook. A job has one end and so one message. */
export interface WebhookMessage {
  /** `webhook-id` of every attempt. */
  readonly id: string;
  readonly event: WebhookEvent;
  readonly url: string;
  /** Who owns the secret that signs it. */
  readonly owner: string | null;
  /** The same in every attempt. */
  readonly payload: string;
  /** W3C `traceparent` of the job's request, where tracing was on. */
  readonly trace: string | null;
}

/** How its delivery stands. pending -> delivered | failed; both --`again`--> pending. */
export interface WebhookStanding extends WebhookMessage {
  readonly state: WebhookDeliveryRecord['state'];
  /** Attempts since it was last told to begin, and when the first of those was; Unix milliseconds, 0 before it. */
  readonly tries: number;
  readonly firstAtMs: number;
  readonly nextAtMs: number | null;
}

/** The messages to webhooks and what became of them, and which are due. */
export class WebhookLog {
  readonly #redis: Redis;

  /** The connection stays the caller's. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Writes the message, once; pending from then on. The caller queues it. @param keepMs after which it is gone, delivered or not */
  async open(job: JobId, message: WebhookMessage, keepMs: number): Promise<void> {
    const fields = {
      ...message,
      owner: JSON.stringify(message.owner),
      trace: message.trace ?? '',
      state: 'pending',
      tries: 0,
      firstAtMs: 0,
      nextAtMs: Date.now(),
    };
    const opened = await runLua(
      this.#redis,
      openDelivery,
      [jobKeys(job).delivery],
      [keepMs, ...Object.entries(fields).flat()],
    );
    // When it was written before, its delivery may be over.
    const pending = opened === 1 || (await this.#redis.hget(jobKeys(job).delivery, 'state')) === 'pending';
    if (pending) await this.#redis.zadd(JOB_INDEX_KEYS.webhooks, 'NX', Date.now(), job);
  }

  /** Null when there is none, or no longer. */
  async read(job: JobId): Promise<WebhookStanding | null> {
    return standingOf(await this.#redis.hgetall(jobKeys(job).delivery));
  }

  /** The message with its attempts, oldest first, as they are at one moment; null when there is none, or no longer. */
  async history(
    job: JobId,
  ): Promise<{ readonly standing: WebhookStanding; readonly attempts: WebhookAttempt[] } | null> {
    const { delivery, attempts } = jobKeys(job);
    const [fields, texts] = (await transacted(this.#redis.multi().hgetall(delivery).lrange(attempts, 0, -1))) as [
      Record<string, string>,
      string[],
    ];
    const standing = standingOf(fields);
    return standing && { standing, attempts: texts.map((text) => JSON.parse(text) as WebhookAttempt) };
  }

  /** Writes an attempt and what follows from it: the next at `nextAtMs`, or the end of the delivery. */
  async attempted(
    job: JobId,
    attempt: WebhookAttempt,
    after: {
      readonly state: WebhookStanding['state'];
      readonly tries: number;
      readonly firstAtMs: number;
      readonly nextAtMs: number | null;
    },
  ): Promise<void> {
    const { delivery, attempts } = jobKeys(job);
    const lifeMs = await this.#redis.pttl(delivery);
    if (lifeMs <= 0) {
      await this.#redis.zrem(JOB_INDEX_KEYS.webhooks, job);
      return;
    }
    await transacted(
      this.#redis
        .multi()
        .rpush(attempts, JSON.stringify(attempt))
        .ltrim(attempts, -MAX_ATTEMPTS, -1)
        .pexpire(attempts, lifeMs)
        .hset(delivery, {
          state: after.state,
          tries: after.tries,
          firstAtMs: after.firstAtMs,
          nextAtMs: after.nextAtMs ?? '',
        })
        .pexpire(delivery, lifeMs),
    );
    if (after.nextAtMs === null) await this.#redis.zrem(JOB_INDEX_KEYS.webhooks, job);
    else await this.#redis.zadd(JOB_INDEX_KEYS.webhooks, after.nextAtMs, job);
  }

  /** Makes the delivery begin again, now. The caller queues it. */
  async again(job: JobId): Promise<void> {
    const { delivery } = jobKeys(job);
    const now = Date.now();
    const lifeMs = await this.#redis.pttl(delivery);
    if (lifeMs <= 0) return;
    await transacted(
      this.#redis
        .multi()
        .hset(delivery, { state: 'pending', tries: 0, firstAtMs: 0, nextAtMs: now })
        .pexpire(delivery, lifeMs),
    );
    await this.#redis.zadd(JOB_INDEX_KEYS.webhooks, now, job);
  }

  /** Jobs whose webhook should have been told by `beforeMs`, oldest first. */
  async overdue(beforeMs: number, limit: number): Promise<string[]> {
    return this.#redis.zrange(JOB_INDEX_KEYS.webhooks, '-inf', String(beforeMs), 'BYSCORE', 'LIMIT', 0, limit);
  }

  /** Nothing is there to be delivered. */
  async drop(job: JobId): Promise<void> {
    await this.#redis.zrem(JOB_INDEX_KEYS.webhooks, job);
  }
}

function standingOf(fields: Readonly<Record<string, string>>): WebhookStanding | null {
  const { id, event, url, owner, payload, trace = '', state, tries, firstAtMs, nextAtMs } = fields;
  if (id === undefined || url === undefined || payload === undefined) return null;
  return {
    id,
    url,
    payload,
    trace: trace === '' ? null : trace,
    event: event as WebhookEvent,
    owner: JSON.parse(owner ?? 'null') as string | null,
    state: state as WebhookStanding['state'],
    tries: Number(tries),
    firstAtMs: Number(firstAtMs),
    nextAtMs: nextAtMs === undefined || nextAtMs === '' ? null : Number(nextAtMs),
  };
}
