import type { IncomingMessage, ServerResponse } from 'node:http';

/** A client that is still sending when it is refused has this long to read the answer. */
const LINGER_MS = 10_000;

/**
 * Reads and drops what a client still sends after it was answered, so that it sees the answer and not a reset connection.
 * After `lingerMs` the connection is closed. Clients that read while they send have left long before.
 */
export function drainRest(message: IncomingMessage, lingerMs = LINGER_MS): void {
  if (message.complete || message.readableEnded || message.destroyed) return;
  // A message that is destroyed before its end takes its connection with it.
  const timer = setTimeout(() => {
    message.destroy();
  }, lingerMs);
  timer.unref();
  const done = (): void => {
    clearTimeout(timer);
  };
  message.once('end', done).once('close', done);
  message.on('error', () => undefined);
  message.resume();
}

/** Aborted when the connection closes before the answer was sent whole. */
export function clientGone(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  if (response.destroyed) gone.abort();
  return gone.signal;
}
