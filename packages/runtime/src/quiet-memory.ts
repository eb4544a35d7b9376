import { isMainThread } from 'node:worker_threads';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import koffi, { type KoffiFunc, type LibraryHandle } from 'koffi';

/** Two minutes of 16 kHz wav; a collection takes a millisecond or two. */
const EVERY_BYTES = 4 * 1024 * 1024;

/** Without options it collects everything; Node 20's takes `type: 'major'` for a minor collection. */
type Collect = (options?: { readonly type: 'minor' }) => void;
let collect: Collect | null = null;

/** V8's own collector; taken once. The flag is one for all threads and stays set: a thread that took it back would leave another, which is just making its context, without. */
function collector(): Collect {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as Collect;
  }
  return collect;
}

/** Of this thread, since its last collection. */
let passedBytes = 0;

/**
 * Passes a stream of bytes on and has young garbage collected every 4 MiB of all such streams of the thread. The buffers of an upload are large but lie outside
 * V8's heap, and their objects are few: V8 by itself lets 50 MB of them gather before it looks (an hour of wav: 76 MB grown without this and without the small
 * young generation of threads, 37 to 47 MB with both).
 */
export async function* withYoungGarbageCollected(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    yield piece;
    passedBytes += piece.byteLength;
    if (passedBytes < EVERY_BYTES) continue;
    passedBytes = 0;
    collector()({ type: 'minor' });
  }
}

/** Collects all garbage of this thread, in some ten milliseconds. For after work that left large buffers behind: V8 by itself may keep them for ever. */
export function collectGarbage(): void {
  collector()();
}

const LOOK_EVERY_MS = 5_000;
/** A process that took less than this share of one core since the last look is quiet. */
const QUIET_SHARE = 0.1;

/** Buffers of this thread that are more than this may have been let go since it was made small: … */
const MUCH_BYTES = 32 * 1024 * 1024;
/** … they are looked for again after so many looks. */
const AGAIN_AFTER_LOOKS = 3;

const TRIM_AFTER_MS = 2_000;

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
 * when they wait for a worker that does not come (six recordings of 40 MB by gRPC: 480 MB stayed for good); so a quiet thread with
 * more than 32 MB of buffers is made small again every 15 s, which takes some ten milliseconds. The timer keeps no process alive.
 */
export function shrinkWhenQuiet(): void {
  const trim = isMainThread ? mallocTrim() : null;
  let before = process.cpuUsage();
  let quietLooks = 0;
  setInterval(() => {
    const { user, system: kernel } = process.cpuUsage(before);
    before = process.cpuUsage();
    const isQuiet = (user + kernel) / 1_000 < LOOK_EVERY_MS * QUIET_SHARE;
    quietLooks = isQuiet ? quietLooks + 1 : 0;
    const isDue = quietLooks > 0 && quietLooks % AGAIN_AFTER_LOOKS === 0;
    if (quietLooks !== 1 && !(isDue && process.memoryUsage().external > MUCH_BYTES)) return;
    collectGarbage();
    // V8 frees dead buffers by and by, in a thread of its own; what came before that was trimmed stayed for good (200 MB of those 480).
    setTimeout(() => {
      // In a thread of libuv's pool; nobody waits for it.
      trim?.async(0, () => undefined);
    }, TRIM_AFTER_MS).unref();
  }, LOOK_EVERY_MS).unref();
}
