import { AsrError } from '@murmuration/contracts';
import { ExitGate, guardExit } from '@murmuration/onnx';
import { Thread } from '@murmuration/runtime';
import type { SpeechReaderMethods, SpeechReaderThreadData } from './speech-reader-methods.js';

const MODULE = new URL('./speech-reader-thread.js', import.meta.url);

export type ReaderThread = Thread<SpeechReaderMethods>;

/** A place on a thread; give it back with `release`. */
export interface ThreadLease {
  readonly thread: ReaderThread;
  release(): void;
}

interface Serving {
  readonly thread: ReaderThread;
  /** Told when the thread has died. */
  readonly listeners: Set<() => void>;
}

/** One place in the row of threads: starting → serving → (the thread died) starting again …; a start that failed is tried again with the next recording. */
interface Slot {
  serving: Promise<Serving> | null;
  recordings: number;
}

/** The threads in which recordings are worked on, each shared by many. A thread that dies is replaced; its recordings fail, those of others do not notice. */
export class SpeechReaderThreads {
  readonly #vadModelPath: string;
  readonly #slots: Slot[];
  #closed = false;

  private constructor(count: number, vadModelPath: string) {
    this.#vadModelPath = vadModelPath;
    this.#slots = Array.from({ length: count }, () => ({ serving: null, recordings: 0 }));
  }

  /** Starts the threads and waits until all serve. Throws when one cannot, for example because the model is missing. */
  static async start(count: number, vadModelPath: string): Promise<SpeechReaderThreads> {
    const threads = new SpeechReaderThreads(count, vadModelPath);
    try {
      await Promise.all(threads.#slots.map((slot) => threads.#serve(slot)));
    } catch (error) {
      await threads.close();
      throw error;
    }
    return threads;
  }

  /** A place on the thread with the fewest recordings. `onDeath` is called when the thread dies before the release. Throws `AsrError` `shutting_down` after `close`, `internal` when a thread cannot be started. */
  async lease(onDeath: () => void): Promise<ThreadLease> {
    if (this.#closed) throw new AsrError('shutting_down');
    const slot = this.#slots.reduce((least, candidate) => (candidate.recordings < least.recordings ? candidate : least));
    slot.recordings++;
    try {
      const { thread, listeners } = await this.#serve(slot);
      listeners.add(onDeath);
      let released = false;
      const release = (): void => {
        if (released) return;
        released = true;
        slot.recordings--;
        listeners.delete(onDeath);
      };
      return { thread, release };
    } catch (error) {
      slot.recordings--;
      throw AsrError.from(error);
    }
  }

  /** Ends all threads at once; what they were asked for is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#slots.map(async (slot) => {
      const serving = await slot.serving?.catch(() => null);
      await serving?.thread.terminate();
    }));
  }

  #serve(slot: Slot): Promise<Serving> {
    slot.serving ??= this.#start(slot);
    return slot.serving;
  }

  async #start(slot: Slot): Promise<Serving> {
    const gate = new ExitGate();
    const unguard = guardExit(gate);
    try {
      const thread = await Thread.start<SpeechReaderMethods>(MODULE, { vadModelPath: this.#vadModelPath, gate: gate.memory } satisfies SpeechReaderThreadData);
      const listeners = new Set<() => void>();
      thread.onExit(() => {
        unguard();
        slot.serving = null;
        for (const listener of listeners) listener();
        if (!this.#closed) this.#serve(slot).catch(() => undefined);
      });
      return { thread, listeners };
    } catch (error) {
      unguard();
      slot.serving = null;
      throw error;
    }
  }
}
