import { isMainThread } from 'node:worker_threads';
import koffi, { type KoffiFunc, type LibraryHandle } from 'koffi';
import { collectGarbage } from './garbage.js';

const LOOK_EVERY_MS = 5_000;
/** A process that took less than this share of one core since the last look is quiet. */
const QUIET_SHARE = 0.1;

/** Memory above the least that this process had while it was quiet may since have been let go, if it is more than this: … */
const MUCH_BYTES = 32 * 1024 * 1024;
/** … it is looked for again after so many looks. */
const AGAIN_AFTER_LOOKS = 3;

/** Kept as long as the process: a library whose handle is garbage is unloaded. */
let system: LibraryHandle | null = null;

/** glibc's function that gives freed memory back to the system; null where the C library has none. */
function mallocTrim(): KoffiFunc<(keepBytes: number) => number> | null {
  if (process.platform !== 'linux') return null;
  try {
    system = koffi.load(null);
    return system.func('malloc_trim', 'int', ['size_t']) as KoffiFunc<(keepBytes: number) => number>;
  } catch {
    return null;
  }
}

/**
 * Makes this thread small whenever the process becomes quiet: garbage is collected, and the main thread gives freed memory back to the system. V8 keeps dead
 * buffers of up to 64 MB a thread until it is short of memory, and glibc keeps what loading and large batches left between pieces that are in use: together
 * a fifth to a third of a process. Neither pause is felt, as nothing is going on. What large requests hold may be let go while the process is quiet already, as
 * when they wait for a worker that does not come (six recordings of 40 MB by gRPC: 480 MB stayed for good); so a quiet process that is much larger than
 * it has been is made small again every 15 s. The timer keeps no process alive.
 */
export function shrinkWhenQuiet(): void {
  const trim = isMainThread ? mallocTrim() : null;
  let before = process.cpuUsage();
  let quietLooks = 0;
  let leastBytes = Infinity;
  setInterval(() => {
    const { user, system: kernel } = process.cpuUsage(before);
    before = process.cpuUsage();
    const isQuiet = (user + kernel) / 1_000 < LOOK_EVERY_MS * QUIET_SHARE;
    quietLooks = isQuiet ? quietLooks + 1 : 0;
    const bytes = process.memoryUsage.rss();
    if (quietLooks > 1) leastBytes = Math.min(leastBytes, bytes);
    const isLarge = quietLooks % AGAIN_AFTER_LOOKS === 0 && bytes > leastBytes + MUCH_BYTES;
    if (quietLooks !== 1 && !(isQuiet && isLarge)) return;
    collectGarbage();
    // Freed by a thread of libuv's pool; nobody waits for it.
    trim?.async(0, () => undefined);
  }, LOOK_EVERY_MS).unref();
}
