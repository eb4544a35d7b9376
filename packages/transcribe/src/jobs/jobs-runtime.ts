import { leaveAlone } from '@murmuration/contracts/left-alone';
import { Allowlist, GuardedClient, isWebhookSecret } from '@murmuration/outbound';
import { EnvironmentError, integerVariable, type Logger, type parseEnvironment } from '@murmuration/runtime';
import {
  IdempotencyClaims,
  JOB_INDEX_KEYS,
  JobArchive,
  JobIndex,
  onSettle,
  type Redis,
  RedisMemory,
  ResultBudget,
  StoredBytes,
  type TicketQueues,
  TroubleLog,
  Turn,
  WebhookLog,
  WebhookQueue,
  WebhookWorker,
} from '@murmuration/store';
import { z } from 'zod';
import type { TranscriptionParts } from '../active-transcription.js';
import type { Usage } from '../usage.js';
import { Admission } from './admission.js';
import { EarlierRequests } from './earlier-requests.js';
import { Jobs } from './jobs.js';
import { Reconciler, type ReconcilerTimes } from './reconciler.js';
import { Settler } from './settler.js';
import { WEBHOOK_PLACES, Webhooks, type WebhookSender } from './webhooks.js';

/** Settings of a node's jobs. */
export interface JobsOptions {
  /** Audio of one model, planned and not yet transcribed, beyond which nothing more is let in; milliseconds. */
  readonly maxBacklogMs: number;
  /** How long transcript and events stay when a submission does not say, seconds. */
  readonly retentionSeconds: number;
  /** After this nothing is left of what was deleted, has expired or has ended, milliseconds. */
  readonly eraseWithinMs: number;
  /** How many owners may come: those share what is scarce. As many as like, unless given. */
  readonly owners: () => number;
  /** Audio that an owner may use in a calendar month, seconds, or null. Nothing bounds it unless given. */
  readonly monthlyAudioSeconds: (owner: string) => number | null;
  /** Signs webhooks of owners without a secret of their own: `whsec_…`, or null. A node that is given neither this nor `ownWebhookSecret` takes no jobs with webhooks and sends none. */
  readonly webhookSecret: string | null;
  /** An owner's own secret, or null; asked at every attempt. */
  readonly ownWebhookSecret: (owner: string) => string | null;
  /** Sends webhooks; stays the caller's. One that reaches public addresses only unless given. */
  readonly outbound: GuardedClient;
  readonly reconciler: ReconcilerTimes;
  readonly retryPauseMs: NonNullable<WebhookSender['retryPauseMs']>;
}

export interface JobsRuntimeParts extends TranscriptionParts {
  readonly usage: Usage;
  readonly redis: Redis;
  readonly subscriber: Redis;
  /** A connection that waits for Redis as long as it takes. */
  readonly patient: Redis;
  readonly queues: TicketQueues;
  /** Memory that Redis may use when it names no `maxmemory` itself. */
  readonly budgetBytes: number;
  readonly logger: Logger;
}

/** Within this long everything of a client's is gone, milliseconds; see `ERASE_WITHIN_MS` in `jobVariables`. */
export const ERASE_WITHIN_MS = 300_000;
const MAX_BACKLOG_MS = 360_000_000;
const RETENTION_SECONDS = 7 * 24 * 3_600;

/** A node's part in submitted jobs: it takes submissions in, settles jobs, looks after them and tells webhooks. */
export class JobsRuntime {
  readonly jobs: Jobs;
  readonly admission: Admission;
  readonly #settler: Settler;
  readonly #reconciler: Reconciler;
  readonly #queue: WebhookQueue;
  readonly #worker: WebhookWorker | null;
  readonly #ownClient: GuardedClient | null;

  /** Starts at once; waits for nothing. The connections stay the caller's. */
  constructor(parts: JobsRuntimeParts, options: Partial<JobsOptions> = {}) {
    const { redis, logger } = parts;
    const jobIndex = new JobIndex(redis);
    const memory = new RedisMemory(redis, parts.budgetBytes);
    const archive = new JobArchive(redis);
    const webhookLog = new WebhookLog(redis);
    const claims = new IdempotencyClaims(redis);
    const client = options.outbound ?? new GuardedClient({ allowlist: Allowlist.none });
    this.#ownClient = options.outbound === undefined ? client : null;
    this.#queue = new WebhookQueue(redis);
    // The rest of the time is for the files.
    const partingMs = Math.round((options.eraseWithinMs ?? ERASE_WITHIN_MS) / 2);
    const webhooks = new Webhooks(webhookLog, this.#queue, {
      client,
      partingMs,
      tracing: parts.tracing,
      secret: options.webhookSecret ?? null,
      ownSecret: options.ownWebhookSecret ?? (() => null),
      ...(options.retryPauseMs === undefined ? {} : { retryPauseMs: options.retryPauseMs }),
    });
    this.admission = new Admission(
      parts.registry,
      parts.audio,
      parts.jobs.inProgress,
      new StoredBytes(redis, memory),
      options.maxBacklogMs ?? MAX_BACKLOG_MS,
      options.owners ?? (() => Infinity),
      parts.usage,
    );
    this.#settler = new Settler({
      jobIndex,
      archive,
      jobs: parts.jobs,
      webhooks,
      onJobEnd: parts.onJobEnd,
      tracing: parts.tracing,
      logger,
    });
    this.jobs = new Jobs({
      ...parts,
      jobIndex,
      archive,
      claims,
      webhooks,
      partingMs,
      admission: this.admission,
      settler: this.#settler,
      earlier: new EarlierRequests(claims, jobIndex),
      retentionSeconds: options.retentionSeconds ?? RETENTION_SECONDS,
    });
    const signs = (options.webhookSecret ?? null) !== null || options.ownWebhookSecret !== undefined;
    this.#worker = !signs
      ? null
      : new WebhookWorker(
          parts.patient,
          WEBHOOK_PLACES,
          (job) => webhooks.attempt(job),
          new TroubleLog(logger, 'the queue of webhooks'),
        );
    this.#reconciler = new Reconciler(
      {
        turn: new Turn(redis, JOB_INDEX_KEYS.reconciling),
        jobIndex,
        jobs: parts.jobs,
        queues: parts.queues,
        audio: parts.audio,
        settler: this.#settler,
        webhooks,
        webhookLog,
        results: new ResultBudget(redis, memory),
        logger,
      },
      options.reconciler,
    );
    // The subscription is made again by itself after a loss; what it missed, the reconciler finds.
    onSettle(parts.subscriber, (job) => {
      this.#settler.soon(job);
    }).catch(leaveAlone('repeated'));
  }

  /** Resolves when what is in progress has ended. */
  async close(): Promise<void> {
    await Promise.all([this.jobs.idle(), this.#reconciler.close(), this.#worker?.close()]);
    await this.#settler.close();
    await this.#queue.close().catch(leaveAlone('closing'));
    await this.#ownClient?.close();
  }
}

const DAY_SECONDS = 24 * 3_600;
const retentionVariable = integerVariable(1, 10 * 365 * DAY_SECONDS, 'seconds');
const allowlistVariable = z.string().transform((text, context) => {
  try {
    return Allowlist.parse(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'cannot be read' });
    return z.NEVER;
  }
});

/** The variables of submitted jobs, for the shape of an API node's environment. Every API node of a cluster has the same, since any of them sends any webhook. */
export const jobVariables = {
  /** What recordings may be fetched from and webhooks sent to although it is not public. */
  URL_ALLOWLIST: allowlistVariable.default(Allowlist.none),
  /** Signs webhooks; a key's own one counts before it. */
  WEBHOOK_SECRET: z.string().refine(isWebhookSecret, 'must be whsec_ and 24 to 64 bytes in base64').optional(),
  /** Audio of one model that may be planned and not yet transcribed; nothing more is let in beyond. */
  MAX_BACKLOG_SECONDS: integerVariable(1, 1_000_000_000, 'seconds').default(100 * 3_600),
  /** After this nothing is left of what was deleted, has expired or has ended: not in Redis, nor in its files, nor in the audio store. */
  ERASE_WITHIN_MS: integerVariable(1_000, 24 * 3_600_000, 'milliseconds').default(ERASE_WITHIN_MS),
  /** How long transcript and events of a job stay when it does not say; a week, or the most when that is less. */
  JOB_RETENTION_SECONDS: retentionVariable.optional(),
  /** … and at most. */
  MAX_JOB_RETENTION_SECONDS: retentionVariable.default(30 * DAY_SECONDS),
};

/** Seconds that a job's things stay when it does not say. Throws `EnvironmentError` when the variables contradict each other. */
export function jobRetentionSeconds(variables: ReturnType<typeof parseEnvironment<typeof jobVariables>>): number {
  const seconds = variables.JOB_RETENTION_SECONDS ?? Math.min(7 * DAY_SECONDS, variables.MAX_JOB_RETENTION_SECONDS);
  if (seconds > variables.MAX_JOB_RETENTION_SECONDS)
    throw new EnvironmentError(
      'JOB_RETENTION_SECONDS, MAX_JOB_RETENTION_SECONDS: the first is larger than the second.',
    );
  return seconds;
}
