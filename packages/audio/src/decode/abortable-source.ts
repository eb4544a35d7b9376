import { abortError } from './external-decoding.js';

/** The same pieces, but waiting for one ends with `cancelled` as soon as the signal is aborted, whatever the source does. */
export async function* abortable(source: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let done = false;
  try {
    for (;;) {
      const next = await unlessAborted(iterator.next(), signal);
      if (next.done === true) {
        done = true;
        return;
      }
      yield next.value;
    }
  } finally {
    // Not awaited: a source that hangs would keep its reader from leaving.
    if (!done) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

/** A new promise a wait: racing each against one promise of the whole recording would keep every piece alive in that one's reactions. */
function unlessAborted<T>(wait: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => { reject(abortError(signal)); };
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    wait.then(resolve, reject).finally(() => { signal.removeEventListener('abort', stop); });
  });
}
