const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
// One Ctrl-C arrives twice: from the terminal, and passed on by npm.
const SAME_KEYPRESS_MS = 500;

/**
 * Calls `onFirst` at the first wish to end and `onSecond` at the next one; echoes of the same key press are passed over.
 * `now` answers milliseconds. Returns a function that takes the listeners off again.
 */
export function listenForStop({ onFirst, onSecond, now = () => performance.now(), target = process }) {
  let firstAtMs = null;
  const listener = (signal) => {
    if (firstAtMs === null) {
      firstAtMs = now();
      onFirst(signal);
    } else if (now() - firstAtMs > SAME_KEYPRESS_MS) {
      onSecond(signal);
    }
  };
  for (const signal of SIGNALS) target.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) target.off(signal, listener);
  };
}
