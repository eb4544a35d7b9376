import { AsrError } from '@murmuration/contracts';
import type { CallContext } from './calls/active-call.js';

/** Runs what watches something until it ends, the call is over or the relay stops, when the client is told `shutting_down`: it calls again, elsewhere, and continues. */
export async function untilLeaving(
  call: CallContext,
  draining: AbortSignal,
  watch: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const end = (): void => {
    over.abort();
  };
  for (const signal of [call.signal, draining]) {
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  }
  try {
    await watch(over.signal);
  } finally {
    for (const signal of [call.signal, draining]) signal.removeEventListener('abort', end);
  }
  if (draining.aborted && !call.signal.aborted)
    throw new AsrError(
      'shutting_down',
      'The server is stopping. Call again, with the last event id: another one goes on.',
    );
}
