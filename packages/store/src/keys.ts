import type { JobId, SessionId } from '@murmuration/contracts';
/** Prefix of every key. */
export const PREFIX = 'murm';

/** BullMQ's prefix of a model's queue: all its keys share one hash tag. */
export function queuePrefix(slug: string): string {
  return `{${PREFIX}.${slug}}`;
}

/** BullMQ's prefix of the queue of webhooks. No model is called so. */
export const WEBHOOKS_PREFIX = `{${PREFIX}-webhooks}`;

/** Keys of one job; all share its hash tag, so a script touches one slot. */
export interface JobKeys {
  /** Hash: state, lane, model, counters, and until its end decode options. Its absence means: cancelled or expired. */
  readonly job: string;
  /** Hash: what a client attached, `metadata` and `webhook`; it lives no longer than the transcript. */
  readonly terms: string;
  /** Hash: index -> when it was planned (Unix milliseconds), a space, and the planned chunk; until its result is there. */
  readonly chunks: string;
  /** List: indexes of the items that wait to be taken. */
  readonly pending: string;
  /** Hash: index -> fence, crashes, ticket and run of an item that is held. */
  readonly tries: string;
  /** Hash: index -> result, until the front reaches it. */
  readonly results: string;
  /** Stream: results in order, then the end. The n-th entry has the id `n-1000000`, so that what is derived from it has room for ids before it. */
  readonly events: string;
  /** Hash: index -> PCM. */
  readonly pcm: string;
  /** String: the finished transcript, gzipped JSON. */
  readonly transcript: string;
  /** String: who settles the job now. */
  readonly settling: string;
  /** Hash: the message to the job's webhook and how its delivery stands. */
  readonly delivery: string;
  /** List: attempts to deliver it, as JSON, newest last. */
  readonly attempts: string;
  /** Channel that says that the stream has grown. */
  readonly wake: string;
}

export function jobKeys(job: JobId): JobKeys {
  const tag = `${PREFIX}:{j.${job}}`;
  return {
    job: `${tag}:job`,
    chunks: `${tag}:chunks`,
    pending: `${tag}:pending`,
    tries: `${tag}:tries`,
    results: `${tag}:results`,
    events: `${tag}:events`,
    pcm: `${tag}:pcm`,
    wake: `${tag}:wake`,
    terms: `${tag}:terms`,
    transcript: `${tag}:transcript`,
    settling: `${tag}:settling`,
    delivery: `${tag}:delivery`,
    attempts: `${tag}:attempts`,
  };
}

/** Sorted set: job -> Unix milliseconds until which it counts as active; infinite for accepted jobs. */
export const ACTIVE_JOBS = `${PREFIX}:active-jobs`;
/** As `ACTIVE_JOBS`, of one model. */
export function activeJobsOf(slug: string): string {
  return `${ACTIVE_JOBS}.${slug}`;
}

/** Keys of all submitted jobs; one tag. */
export const JOB_INDEX_KEYS = {
  /** Sorted set: accepted jobs that are not settled, as `JOB SLUG PRIORITY` -> when accepted. */
  accepted: `${PREFIX}:{jobs}:accepted`,
  /** Sorted set: every submitted job, as `JOB OWNERTAG` -> when created. */
  all: `${PREFIX}:{jobs}:all`,
  /** Sorted set: finished job -> Unix milliseconds until which its transcript is kept. */
  results: `${PREFIX}:{jobs}:results`,
  /** Sorted set: job -> when its webhook is to be told next. */
  webhooks: `${PREFIX}:{jobs}:webhooks`,
  /** String: the node that looks after accepted jobs now. */
  reconciling: `${PREFIX}:{jobs}:reconciling`,
} as const;

/** Sorted set: jobs of one owner (by a tag of its name) -> when created. */
export function ownedJobs(ownerTag: string): string {
  return `${PREFIX}:{jobs}:of.${ownerTag}`;
}

/** Sorted set: accepted jobs of a model and priority that have not ended -> when accepted. */
export function waitingJobs(slug: string, priority: string): string {
  return `${PREFIX}:{jobs}:waiting.${slug}.${priority}`;
}

/** String: the job that an Idempotency-Key led to, by the SHA-256 of owner and key. */
export function idempotencyKey(hash: string): string {
  return `${PREFIX}:{i.${hash}}`;
}

/** Keys of what looks after Redis' append-only file; one tag. */
export const REWRITE_KEYS = {
  /** String: counts jobs and live sessions that have begun. */
  begun: `${PREFIX}:{rewrite}:begun`,
  /** String: what there was when the files were last rewritten, a line a server. */
  seen: `${PREFIX}:{rewrite}:seen`,
  /** String: the node that looks after the files now. */
  turn: `${PREFIX}:{rewrite}:turn`,
} as const;

/** Keys of what the services of a cluster must agree on; one tag. */
export const AUDIO_STORE_KEYS = {
  /** String: kind of the audio store, a space, and the name of the cluster's folder in a store of kind `directory`. */
  store: `${PREFIX}:{audio}:store`,
  /** String: a service that uses the store runs; it expires. */
  seen: `${PREFIX}:{audio}:seen`,
} as const;

/** Pattern of the keys that hold what belongs to a client, and of nothing else that comes and goes by itself. */
export const CONTENT_PATTERN = `${PREFIX}:{[js].*`;

/** Channel on which jobs are called out that need assembling or whose end needs tidying. */
export const SETTLE_CHANNEL = `${PREFIX}:settle`;
/** Channel on which cancelled job ids are called out. */
export const CANCELLED_CHANNEL = `${PREFIX}:cancelled`;

/** Sorted set: SHA-256 of a key's tickets and client secrets -> when they expire. */
export function heldTickets(keyId: string): string {
  return `${PREFIX}:{k.${keyId}}:tickets`;
}

/** String: what a ticket stands for, signed, by the ticket's SHA-256. */
export function ticketKey(ticketHash: string): string {
  return `${PREFIX}:{t.${ticketHash}}:ticket`;
}

/** Hash: what an owner has used, as `<day>:<what>` -> count; `<day>` in days since 1970 by Redis' clock. */
export function usageKey(owner: string): string {
  return `${PREFIX}:{u.${owner}}:usage`;
}

/** Keys of the model cards; one tag. */
export const CARD_KEYS = {
  workers: `${PREFIX}:{cards}:workers`,
  seen: `${PREFIX}:{cards}:seen`,
  models: `${PREFIX}:{cards}:models`,
  modelsSeen: `${PREFIX}:{cards}:models-seen`,
} as const;

/** Keys of one live session; all share its hash tag, so a script touches one slot. */
export interface LiveKeys {
  /** Hash: state, epoch and holder, owner, settings, positions, snapshot, the open partial, counters. */
  readonly session: string;
  /** Stream: 16 kHz PCM that is not final yet; an entry's id is the position after its last sample. */
  readonly pcm: string;
  /** Hash: utterance that has ended -> when it was planned (Unix milliseconds), its length (milliseconds), and the planned utterance; until its result is there. */
  readonly utterances: string;
  /** List: ended utterances that wait to be taken. */
  readonly pending: string;
  /** Hash: utterance -> fence, crashes, ticket and run of one that is held. */
  readonly tries: string;
  /** Hash: utterance -> final that came before its turn. */
  readonly results: string;
  /** Stream: what viewers are told. */
  readonly events: string;
  /** Channel: the stream has grown (`events`), or somebody took the session over (`epoch <n> <holder>`). */
  readonly wake: string;
}

export function liveKeys(session: SessionId): LiveKeys {
  const tag = `${PREFIX}:{s.${session}}`;
  return {
    session: `${tag}:session`,
    pcm: `${tag}:pcm`,
    utterances: `${tag}:utterances`,
    pending: `${tag}:pending`,
    tries: `${tag}:tries`,
    results: `${tag}:results`,
    events: `${tag}:events`,
    wake: `${tag}:wake`,
  };
}

/** The keys of a session's work items, named as those of a job's. */
export function liveItemKeys(session: SessionId): Pick<JobKeys, 'job' | 'chunks' | 'pending' | 'tries'> {
  const { session: job, utterances: chunks, pending, tries } = liveKeys(session);
  return { job, chunks, pending, tries };
}

/** Channel on which a live session's readers and owner are woken. */
export function liveWakeChannel(session: SessionId): string {
  return liveKeys(session).wake;
}

/** Sorted set: live session -> when its lease ends, on the clock of `LIVE_CLOCK`; from then on any relay may finish it. */
export const LIVE_SESSIONS = `${PREFIX}:live-sessions`;
/** Hash: the clock of the leases of live sessions, and when it was last read. It stands still while nobody reaches Redis. In one slot with the list. */
export const LIVE_CLOCK = `{${LIVE_SESSIONS}}:clock`;
