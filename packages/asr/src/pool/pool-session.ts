import { Thread } from '@murmuration/runtime/thread';
import type { ModelDescription } from '@murmuration/contracts';
import { loadRecognizer } from '../families/registry.js';
import type { LoadOptions } from '../families/model-family.js';
import { ExitGate, guardExit } from '@murmuration/onnx';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { Pipeline } from '../recognizer.js';
import {
  sessionMethods,
  type Rehearsal,
  type SessionAnswer,
  type SessionBatch,
  type SessionMethods,
} from './session-methods.js';

/** One loaded model that runs one batch at a time, or, as its pipeline says, makes the next one ready meanwhile. */
export interface PoolSession {
  /** False once its thread has ended. */
  readonly alive: boolean;
  describe(): Promise<ModelDescription>;
  rehearse(shape: Rehearsal): Promise<number[]>;
  /** How batches overlap; as rehearsed so far. */
  pipeline(): Promise<Pipeline>;
  /** Rejects with the runtime's error, or one that says the thread died. */
  recognize(batch: SessionBatch): Promise<SessionAnswer>;
  /** Called when the session dies on its own. */
  onDeath(listener: (error: Error) => void): void;
  /** Frees the model and ends the thread; a running batch is finished first. */
  close(): Promise<void>;
}

/** What a session's thread is started with. */
export interface ThreadStart {
  readonly options: LoadOptions;
  readonly gate: SharedArrayBuffer;
}

const THREAD = new URL('recognizer-thread.js', import.meta.url);

/** A session in a thread of its own: `run` of the runtime blocks its thread. States: serving → closing → ended, or serving → dead. */
export class ThreadSession implements PoolSession {
  readonly #thread: Thread<SessionMethods>;
  readonly #unguard: () => void;
  #closing = false;
  #alive = true;
  #died: (error: Error) => void = () => undefined;

  private constructor(thread: Thread<SessionMethods>, unguard: () => void) {
    this.#thread = thread;
    this.#unguard = unguard;
    thread.onExit((error) => {
      this.#alive = false;
      this.#unguard();
      if (!this.#closing) this.#died(new Error(`an inference thread died: ${error.message}`, { cause: error }));
    });
  }

  /** Starts the thread and loads the model there. Throws the loading's error. */
  static async open(options: LoadOptions, module: URL = THREAD): Promise<ThreadSession> {
    const gate = new ExitGate();
    const unguard = guardExit(gate);
    try {
      return new ThreadSession(
        await Thread.start<SessionMethods>(module, { options, gate: gate.memory } satisfies ThreadStart),
        unguard,
      );
    } catch (error) {
      unguard();
      throw error;
    }
  }

  get alive(): boolean {
    return this.#alive;
  }

  describe(): Promise<ModelDescription> {
    return this.#thread.call('describe', null);
  }

  rehearse(shape: Rehearsal): Promise<number[]> {
    return this.#thread.call('rehearse', shape);
  }

  pipeline(): Promise<Pipeline> {
    return this.#thread.call('pipeline', null);
  }

  async recognize(batch: SessionBatch): Promise<SessionAnswer> {
    // Copies of exactly the samples: a view's whole buffer would cross otherwise.
    const rows = batch.rows.map(({ pcm, ...row }) => ({ ...row, pcm: pcm.slice() }));
    return await this.#thread.call(
      'recognize',
      { rows, cancelled: batch.cancelled },
      rows.map((row) => row.pcm.buffer),
    );
  }

  onDeath(listener: (error: Error) => void): void {
    this.#died = listener;
  }

  async close(): Promise<void> {
    this.#closing = true;
    // A thread that is dead already has freed everything.
    await this.#thread.call('close', null).catch(leaveAlone('closing'));
    await this.#thread.terminate();
  }
}

/** A session that only waits: it needs no thread. */
export class SimulatedSession implements PoolSession {
  readonly alive = true;
  readonly #methods: SessionMethods;

  private constructor(methods: SessionMethods) {
    this.#methods = methods;
  }

  static async open(options: LoadOptions): Promise<SimulatedSession> {
    return new SimulatedSession(sessionMethods(await loadRecognizer(options), new ExitGate(), options));
  }

  describe(): Promise<ModelDescription> {
    return Promise.resolve(this.#methods.describe(null));
  }

  rehearse(shape: Rehearsal): Promise<number[]> {
    return this.#methods.rehearse(shape);
  }

  pipeline(): Promise<Pipeline> {
    return Promise.resolve(this.#methods.pipeline(null));
  }

  recognize(batch: SessionBatch): Promise<SessionAnswer> {
    return this.#methods.recognize(batch);
  }

  onDeath(): void {
    // It has no thread that could die.
  }

  close(): Promise<void> {
    return this.#methods.close(null);
  }
}
