import { AsrError } from '@murmuration/contracts/errors';
import { ExitGate, guardExit } from '@murmuration/onnx';
import { Thread, type ThreadMethods } from '@murmuration/runtime/thread';
import { leaveAlone } from '@murmuration/contracts/left-alone';

/** What a thread with a detector is started with. */
export interface DetectionThreadData {
  readonly vadModelPath: string;
  /** Memory of the gate at which the process waits before it exits. */
  readonly gate: SharedArrayBuffer;
}

/** A place on a thread; give it back with `release`. */
export interface ThreadLease<M extends ThreadMethods> {
  readonly thread: Thread<M>;
  release(): void;
}

interface Serving<M extends ThreadMethods> {
  readonly thread: Thread<M>;
  /** Called when the thread has died. */
  readonly listeners: Set<() => void>;
}

/** One thread's slot: starting → serving → (the thread died) starting again …; a start that failed is tried again with the next stream. */
interface Slot<M extends ThreadMethods> {
  serving: Promise<Serving<M>> | null;
  streams: number;
}

/** Threads that each hold a detector and work on many streams (recordings or live sessions). A thread that dies is replaced; its streams fail and those of others are not affected. */
export class DetectionThreads<M extends ThreadMethods> {
  readonly #module: URL;
  readonly #vadModelPath: string;
  readonly #slots: Slot<M>[];
  #closed = false;

  private constructor(module: URL, count: number, vadModelPath: string) {
    this.#module = module;
    this.#vadModelPath = vadModelPath;
    this.#slots = Array.from({ length: count }, () => ({ serving: null, streams: 0 }));
  }

  /** Starts the threads and waits until all serve. Throws when one cannot, for example because the model is missing. @param module started with `DetectionThreadData` */
  static async start<M extends ThreadMethods>(
    module: URL,
    count: number,
    vadModelPath: string,
  ): Promise<DetectionThreads<M>> {
    const threads = new DetectionThreads<M>(module, count, vadModelPath);
    try {
      await Promise.all(threads.#slots.map((slot) => threads.#serve(slot)));
    } catch (error) {
      await threads.close();
      throw error;
    }
    return threads;
  }

  /** A place on the thread with the fewest streams. `onDeath` is called when the thread dies before the release. Throws `AsrError` `shutting_down` after `close`, `internal` when a thread cannot be started. */
  async lease(onDeath: () => void): Promise<ThreadLease<M>> {
    if (this.#closed) throw new AsrError('shutting_down');
    const slot = this.#slots.reduce((least, candidate) => (candidate.streams < least.streams ? candidate : least));
    slot.streams++;
    try {
      const { thread, listeners } = await this.#serve(slot);
      listeners.add(onDeath);
      let released = false;
      const release = (): void => {
        if (released) return;
        released = true;
        slot.streams--;
        listeners.delete(onDeath);
      };
      return { thread, release };
    } catch (error) {
      slot.streams--;
      throw AsrError.from(error);
    }
  }

  /** Ends all threads at once; pending calls are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      this.#slots.map(async (slot) => {
        const serving = await slot.serving?.catch(leaveAlone('closing', null));
        await serving?.thread.terminate();
      }),
    );
  }

  #serve(slot: Slot<M>): Promise<Serving<M>> {
    slot.serving ??= this.#start(slot);
    return slot.serving;
  }

  async #start(slot: Slot<M>): Promise<Serving<M>> {
    const gate = new ExitGate();
    const unguard = guardExit(gate);
    try {
      const thread = await Thread.start<M>(this.#module, {
        vadModelPath: this.#vadModelPath,
        gate: gate.memory,
      } satisfies DetectionThreadData);
      const listeners = new Set<() => void>();
      thread.onExit(() => {
        unguard();
        slot.serving = null;
        for (const listener of listeners) listener();
        if (!this.#closed) this.#serve(slot).catch(leaveAlone('repeated'));
      });
      return { thread, listeners };
    } catch (error) {
      unguard();
      slot.serving = null;
      throw error;
    }
  }
}
