import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second. */
const TICK_MS = 10;
/** Places of the user's and the system's ticks among the fields that follow the program's name. */
const USER = 11;
const SYSTEM = 12;

/** Processor time that these processes have taken so far, all their threads together; NaN where there is no /proc. */
export function processorMs(pids: readonly number[]): number {
  try {
    return pids.reduce((sum, pid) => {
      const fields =
        readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
          .split(') ')
          .at(-1)
          ?.split(' ') ?? [];
      return sum + (Number(fields[USER]) + Number(fields[SYSTEM])) * TICK_MS;
    }, 0);
  } catch {
    return Number.NaN;
  }
}
