/** Growing pauses between attempts, milliseconds. */
export interface Backoff {
  /** Longest first pause. */
  readonly baseMs: number;
  /** Longest pause at all. */
  readonly capMs: number;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
}

/** The pause after so many failures (0: the first): doubles up to the cap, its upper half left to chance, so that many clients do not come back at once. */
export function backoffMs({ baseMs, capMs, random }: Backoff, failures: number): number {
  return Math.min(capMs, baseMs * 2 ** failures) * (0.5 + random() / 2);
}

/** Waits. Throws the signal's reason when it is aborted meanwhile. */
export function pause(durationMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      clearTimeout(timer);
      reject(reasonOf(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', leave);
      resolve();
    }, durationMs);
    if (signal?.aborted === true) leave();
    else signal?.addEventListener('abort', leave, { once: true });
  });
}

/** Why a signal was aborted, always as an error. */
export function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error(typeof reason === 'string' ? reason : 'aborted', { cause: reason });
}
