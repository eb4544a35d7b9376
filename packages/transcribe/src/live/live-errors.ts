import { AsrError } from '@murmuration/contracts';
import { backendUnavailable } from '@murmuration/store';

/** Where the store has no session that a relay still has: it was emptied, or nobody could reach it for as long as sessions are kept. */
export function sessionVanished(): AsrError {
  return new AsrError(
    'session_lost',
    'The store has lost the session: it was emptied or replaced. What was not final is lost. Start a new session.',
  );
}

/** Told to who reads on when its relay has handed the session over. */
export function sessionHandedOver(): AsrError {
  return new AsrError('shutting_down', 'This relay stops. Connect again and resume.', { retryAfterSeconds: 0 });
}

/** Where a session ends without finals that are awaited. */
export function finalsInVain(): AsrError {
  return new AsrError(
    'no_worker',
    'No worker has transcribed the last utterances in time. The session ends without their text.',
  );
}

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
