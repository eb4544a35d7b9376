/** Prefix of every key. */
export const PREFIX = 'murm';

/** Keys of one job; all share its hash tag, so a script touches one slot. */
export interface JobKeys {
  /** Hash: state, lane, model, decode options, counters. Its absence means: cancelled or expired. */
  readonly job: string;
  /** Hash: index -> planned chunk. */
  readonly chunks: string;
  /** List: indexes stored but not yet queued. */
  readonly pending: string;
  /** Hash: `f<index>` fence, `c<index>` crashes of the chunk. */
  readonly tries: string;
  /** Hash: index -> result, until the front reaches it. */
  readonly results: string;
  /** Stream: results in order, then the end. */
  readonly events: string;
  /** Hash: index -> PCM. */
  readonly pcm: string;
  /** Channel that says that the stream has grown. */
  readonly wake: string;
}

export function jobKeys(job: string): JobKeys {
  const tag = `${PREFIX}:{j.${job}}`;
  return {
    job: `${tag}:job`, chunks: `${tag}:chunks`, pending: `${tag}:pending`, tries: `${tag}:tries`,
    results: `${tag}:results`, events: `${tag}:events`, pcm: `${tag}:pcm`, wake: `${tag}:wake`,
  };
}

/** Sorted set: job -> Unix milliseconds until which it counts as active. */
export const ACTIVE_JOBS = `${PREFIX}:active-jobs`;
/** Channel on which cancelled job ids are called out. */
export const CANCELLED_CHANNEL = `${PREFIX}:cancelled`;

/** String: id of the API key that a ticket stands for, by the ticket's SHA-256. */
export function ticketKey(ticketHash: string): string {
  return `${PREFIX}:{t.${ticketHash}}:ticket`;
}

/** Keys of the model cards; one tag. */
export const CARD_KEYS = {
  workers: `${PREFIX}:{cards}:workers`,
  seen: `${PREFIX}:{cards}:seen`,
  models: `${PREFIX}:{cards}:models`,
} as const;
