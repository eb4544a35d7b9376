const LOOK_EVERY_MS = 500;

/**
 * Calls `onGone` once when the process that started this one has ended: npm, or the shell between, which pass no signal on when they are
 * killed, or for SIGHUP. Returns a function that ends the watch. `parent` answers the id of the process that is the parent now.
 */
export function watchParent(onGone, parent = () => process.ppid) {
  const first = parent();
  const timer = setInterval(() => {
    if (parent() === first) return;
    clearInterval(timer);
    onGone();
  }, LOOK_EVERY_MS).unref();
  return () => { clearInterval(timer); };
}
