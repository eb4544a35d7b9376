import { abortError } from './external-decoding.js';

/** The same pieces, but waiting for one ends with `cancelled` as soon as the signal is aborted, whatever the source does. */
export async function* abortable(source: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => { reject(abortError(signal)); };
  });
  aborted.catch(() => undefined);
  signal.addEventListener('abort', stop);
  let done = false;
  try {
    for (;;) {
      if (signal.aborted) throw abortError(signal);
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done === true) {
        done = true;
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    // Not awaited: a source that hangs would keep its reader from leaving.
    if (!done) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}
