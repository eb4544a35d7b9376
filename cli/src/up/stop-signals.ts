const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
// One Ctrl-C arrives twice: from the terminal, and passed on by npm.
const SAME_KEYPRESS_MS = 500;
const LOOK_EVERY_MS = 500;

/** What signals arrive at: a process, or an emitter in a test. */
interface Target {
  on(signal: string, listener: (signal: string) => void): unknown;
  off(signal: string, listener: (signal: string) => void): unknown;
}

/**
 * Calls `onFirst` at the first wish to end and `onSecond` at the next one; echoes of the same key press are passed over.
 * `now` answers milliseconds. Returns a function that takes the listeners off again.
 */
export function listenForStop({
  onFirst,
  onSecond,
  now = () => performance.now(),
  target = process,
}: {
  readonly onFirst: (signal: string) => void;
  readonly onSecond: (signal: string) => void;
  readonly now?: () => number;
  readonly target?: Target;
}): () => void {
  let firstAtMs: number | null = null;
  const listener = (signal: string): void => {
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

/**
 * Calls `onGone` once when the process that started this one has ended: npm, or the shell between, which pass no signal on when they are
 * killed, or for SIGHUP. Returns a function that ends the watch. `parent` answers the id of the process that is the parent now.
 */
export function watchParent(onGone: () => void, parent: () => number = () => process.ppid): () => void {
  const first = parent();
  const timer = setInterval(() => {
    if (parent() === first) return;
    clearInterval(timer);
    onGone();
  }, LOOK_EVERY_MS).unref();
  return () => {
    clearInterval(timer);
  };
}
