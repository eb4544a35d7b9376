/**
 * Why a failure may be left alone:
 * - `repeated`: a timer, a later look or another process does the same again
 * - `closing`: what failed was going away
 * - `receiver_gone`: nobody is there to be told
 * - `unreadable`: a file or folder that cannot be read counts as absent
 * - `shown_without`: an answer is given without this part of it
 * - `best_effort`: the work is right without it, only slower or later
 */
export type LeftAloneReason = 'repeated' | 'closing' | 'receiver_gone' | 'unreadable' | 'shown_without' | 'best_effort';

const counts = new Map<LeftAloneReason, number>();

/** How many failures this thread has left alone, by reason; on `/metrics` as `asr_left_alone_failures_total`. */
export function leftAloneCounts(): ReadonlyMap<LeftAloneReason, number> {
  return counts;
}

/** A handler for `catch`: counts the failure and answers `instead`. */
export function leaveAlone(reason: LeftAloneReason): (error: unknown) => undefined;
export function leaveAlone<T>(reason: LeftAloneReason, instead: T): (error: unknown) => T;
export function leaveAlone<T>(reason: LeftAloneReason, instead?: T): (error: unknown) => T | undefined {
  return () => {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    return instead;
  };
}

/** A promise's failure is told to those who await it; until somebody does, Node must not take it for an unhandled one. */
export function awaitedLater(promise: Promise<unknown>): void {
  void settled(promise);
}

/** Resolves when the promise has ended, in whatever way: for those who wait for the end only. A failure is told to those who await `promise`. */
export async function settled(promise: PromiseLike<unknown>): Promise<void> {
  await Promise.allSettled([promise]);
}
