/** What is told to wait when no worker is up, seconds. */
const WAIT_UNKNOWN_S = 60;
const LONGEST_WAIT_S = 3_600;

/** What is told to wait where room comes when some work ends: a full store, an owner that has its share; seconds. */
export const WAIT_FOR_ROOM_S = 10;

/**
 * `Retry-After` of a submission that finds too much work ahead, whole seconds, 1 to 3,600. Waits that are always the same stand with their errors
 * (`ERRORS` of contracts).
 * @param overMs audio beyond what is admitted, milliseconds @param speed audio seconds a second of all workers of the model; 0: none is up
 */
export function secondsUntilRoom(overMs: number, speed: number): number {
  if (speed === 0) return WAIT_UNKNOWN_S;
  return Math.min(LONGEST_WAIT_S, Math.max(1, Math.ceil(overMs / 1_000 / speed)));
}
