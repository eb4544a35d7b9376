/** Runs of this thread's sessions that are under way, and since when there was one without a pause. */
let underWay = 0;
let sinceMs = 0;
let endedMs = 0;

/**
 * Milliseconds in which at least one run of this thread's sessions was under way, since the thread began; what runs now is counted so far. Where one
 * thread alone uses a device that is how long the device was busy, the host's time to start its operations included.
 */
export function runningMs(): number {
  return endedMs + (underWay === 0 ? 0 : performance.now() - sinceMs);
}

/** Does a run of a session, on the clock of `runningMs`. */
export async function timedRun<T>(run: () => Promise<T>): Promise<T> {
  if (underWay++ === 0) sinceMs = performance.now();
  try {
    return await run();
  } finally {
    if (--underWay === 0) endedMs += performance.now() - sinceMs;
  }
}
