import type { IncomingMessage } from 'node:http';

/** A client that is still sending when it is refused gets this long to see the answer. */
const LINGER_MS = 10_000;

/**
 * Takes in and drops what a client still sends after it was answered, so that it sees the answer and not a reset connection.
 * After `lingerMs` the connection is ended. Clients that read while they send have left long before.
 */
export function drainRest(message: IncomingMessage, lingerMs = LINGER_MS): void {
  if (message.complete || message.destroyed) return;
  const timer = setTimeout(() => { message.socket.destroy(); }, lingerMs);
  timer.unref();
  const done = (): void => { clearTimeout(timer); };
  message.once('end', done).once('close', done);
  message.on('error', () => undefined);
  message.resume();
}
