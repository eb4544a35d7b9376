import { AsrError } from '@murmuration/contracts';
import { backendUnavailable } from '@murmuration/store';

/** How long a Redis that is away or refuses is waited for, milliseconds. */
export const PATIENCE_MS = 30_000;
/** A call that Redis refused is repeated after this, milliseconds. */
const REFUSED_PAUSE_MS = 200;

/** Calls again while the store refuses, as one that is full or failing over does; a call that is repeated must do no harm. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await within(call(), Math.max(1, untilMs - performance.now()));
    } catch (error) {
      if (performance.now() + REFUSED_PAUSE_MS > untilMs) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, REFUSED_PAUSE_MS).unref();
      });
    }
  }
}

/** The answer, or `backend_unavailable` when it does not come within the time or is an error of the store. */
export async function within<T>(answer: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(backendUnavailable());
    }, limitMs);
  });
  try {
    return await Promise.race([answer, late]);
  } catch (error) {
    throw error instanceof AsrError ? error : backendUnavailable(error);
  } finally {
    clearTimeout(timer);
  }
}
