import { endProcess } from './native/system-library.js';

const BUSY = 0;
const STOP = 1;

/**
 * Keeps a process from ending while a thread is inside the runtime: onnxruntime-node aborts the process (status 134) when its thread
 * is torn down in the middle of a call. Each thread has a gate in shared memory; the main thread waits at `exit` until it is empty. A call that
 * takes minutes, as TensorRT's building of engines does, is not waited for: the process ends under it.
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

/** Longest wait at the end of the process, for all gates: a step of a large batch or the loading of a model. */
const EXIT_WAIT_MS = 5_000;

const gates = new Set<ExitGate>();
let listening = false;
let leftMs = (): number => EXIT_WAIT_MS;

/** Has the end of this process wait no longer for its gates than `left` then says, milliseconds, where that is less than five seconds. */
export function limitExitWait(left: () => number): void {
  leftMs = left;
}

/**
 * Makes the end of this process wait for the gate. Take it out again when its thread has ended. Where somebody is still inside after five seconds, or after
 * what `limitExitWait` allows, the process ends at once, with its own status: Node would wait for the thread, however long its call takes.
 */
export function guardExit(gate: ExitGate): () => void {
  gates.add(gate);
  if (!listening) {
    listening = true;
    process.once('exit', (code) => {
      for (const one of gates) one.stop();
      const untilMs = performance.now() + Math.min(EXIT_WAIT_MS, leftMs());
      const waited = [...gates].map((one) => one.waitUntilEmpty(Math.max(0, untilMs - performance.now())));
      if (waited.includes(false)) endProcess(code);
    });
  }
  return () => {
    gates.delete(gate);
  };
}
