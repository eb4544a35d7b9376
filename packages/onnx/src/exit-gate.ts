const BUSY = 0;
const STOP = 1;

/**
 * Keeps a process from ending while a thread is inside the runtime: onnxruntime-node aborts the process (status 134) when its thread
 * is torn down in the middle of a call. Each thread has a gate in shared memory; the main thread waits at `exit` until it is empty.
 */
export class ExitGate {
  readonly #state: Int32Array;

  /** @param memory of the gate that another thread made; a new one when left out */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.#state = new Int32Array(memory);
  }

  get memory(): SharedArrayBuffer {
    return this.#state.buffer as SharedArrayBuffer;
  }

  /** True once the process is about to end: finish early. */
  get stopping(): boolean {
    return Atomics.load(this.#state, STOP) !== 0;
  }

  /** Runs the work inside the gate; never, and without an answer, once the process is about to end. */
  async pass<T>(work: () => T | Promise<T>): Promise<T> {
    Atomics.add(this.#state, BUSY, 1);
    try {
      if (!this.stopping) return await work();
    } finally {
      Atomics.sub(this.#state, BUSY, 1);
      Atomics.notify(this.#state, BUSY);
    }
    return new Promise(() => undefined);
  }

  /** Lets nobody in any more. */
  stop(): void {
    Atomics.store(this.#state, STOP, 1);
  }

  /** Blocks this thread until nobody is inside, `limitMs` at most. False when somebody still is. */
  waitUntilEmpty(limitMs: number): boolean {
    const deadlineMs = performance.now() + limitMs;
    for (;;) {
      const busy = Atomics.load(this.#state, BUSY);
      const leftMs = deadlineMs - performance.now();
      if (busy === 0) return true;
      if (leftMs <= 0) return false;
      Atomics.wait(this.#state, BUSY, busy, leftMs);
    }
  }
}

/** Longest wait at the end of the process: a step of a large batch or the loading of a model. */
const EXIT_WAIT_MS = 5_000;

const gates = new Set<ExitGate>();
let listening = false;

/** Makes the end of this process wait for the gate. Take it out again when its thread has ended. */
export function guardExit(gate: ExitGate): () => void {
  gates.add(gate);
  if (!listening) {
    listening = true;
    process.once('exit', () => {
      for (const one of gates) one.stop();
      for (const one of gates) one.waitUntilEmpty(EXIT_WAIT_MS);
    });
  }
  return () => {
    gates.delete(gate);
  };
}
