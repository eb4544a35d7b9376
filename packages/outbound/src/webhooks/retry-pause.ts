const FIRST_PAUSE_MS = 5_000;
const GROWTH = 4;
const LONGEST_PAUSE_MS = 4 * 3_600_000;
/** Attempts begin within a day of the first. */
const LAST_ATTEMPT_AFTER_MS = 24 * 3_600_000;
/** A receiver may ask for a longer pause, up to this. */
const LONGEST_ASKED_MS = 3_600_000;
/** Pauses are spread by a fifth to either side, so that receivers that were down together are not met together. */
const JITTER = 0.2;

export interface FailedAttempt {
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
