import koffi, { type LibraryHandle } from 'koffi';

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

/** Linux' number of the clock of the calling thread's processor time. */
const CLOCK_THREAD_CPUTIME_ID = 3;

/** Kept as long as the process: a library whose handle is garbage is unloaded. */
let system: LibraryHandle | null = null;
let clock: (() => number) | null = null;

/**
 * A clock that stands still while others have the core: the processor time of the calling thread, milliseconds, where the system tells it (Linux), and the
 * steady clock elsewhere. Only differences within one thread mean something. For computations that keep this one thread busy.
 */
export function workMs(): number {
  clock ??= threadClock();
  return clock();
}

function threadClock(): () => number {
  const steady = (): number => performance.now();
  if (process.platform !== 'linux') return steady;
  try {
    system = koffi.load(null);
    const read = system.func('clock_gettime', 'int', ['int', 'void *']) as (
      clock: number,
      time: BigInt64Array,
    ) => number;
    const time = new BigInt64Array(2);
    if (read(CLOCK_THREAD_CPUTIME_ID, time) !== 0) return steady;
    return () => {
      read(CLOCK_THREAD_CPUTIME_ID, time);
      return Number(time[0]) * 1_000 + Number(time[1]) / 1_000_000;
    };
  } catch {
    return steady;
  }
}
