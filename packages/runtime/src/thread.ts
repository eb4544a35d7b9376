import { Worker, parentPort, workerData, type Transferable } from 'node:worker_threads';
import { AsrError, type ErrorRecord } from '@murmuration/contracts/errors';
import { awaitedLater } from '@murmuration/contracts/left-alone';

/** Methods that a thread serves: each takes one argument and answers one value, both structured-cloneable. */
export type ThreadMethods = Record<string, (argument: never) => unknown>;

/** An answer whose buffers move to the caller instead of being copied. */
export class Transferred<T> {
  readonly value: T;
  readonly transfer: readonly Transferable[];
  constructor(value: T, transfer: readonly Transferable[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

type Answer<T> = T extends Promise<infer U> ? Answer<U> : T extends Transferred<infer V> ? V : T;

interface Request {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}
type Reply =
  | { readonly ready: true }
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number;
      readonly error: { readonly asr: ErrorRecord } | { readonly message: string; readonly stack: string | undefined };
    };

/** Small, so that buffers that have been let go are freed soon: a thread's dead PCM is large and its objects are few. */
const YOUNG_GENERATION_MB = 2;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * A worker thread with typed methods. `call` answers in any order; the thread starts each call as it arrives.
 * When the thread dies all open calls are rejected and `onExit` is told; it is not started again by itself.
 */
export class Thread<M extends ThreadMethods> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready: Promise<void>;
  #nextId = 1;
  #ended: Error | null = null;
  #exit: (error: Error) => void = () => undefined;

  private constructor(module: URL, data: unknown) {
    this.#worker = new Worker(module, {
      workerData: data,
      stdout: false,
      stderr: false,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    let ready: Waiting | undefined;
    this.#ready = new Promise<void>((resolve, reject) => {
      ready = {
        resolve: () => {
          resolve();
        },
        reject,
      };
    });
    awaitedLater(this.#ready);
    this.#worker.on('message', (reply: Reply) => {
      if ('ready' in reply) {
        ready?.resolve(undefined);
        return;
      }
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (waiting === undefined) return;
      if ('value' in reply) waiting.resolve(reply.value);
      else waiting.reject(toError(reply.error));
    });
    let fault: Error | null = null;
    this.#worker.on('error', (error: unknown) => {
      fault = error instanceof Error ? error : new Error(String(error));
    });
    this.#worker.on('exit', (code) => {
      const error = fault ?? new Error(`the thread ended with ${String(code)}`);
      this.#ended = error;
      ready?.reject(error);
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#waiting.clear();
      this.#exit(error);
    });
  }

  /** Starts the module (it must call `serveThread`) and waits until it serves. `data` is its `threadData()`. Throws what its start threw. */
  static async start<M extends ThreadMethods>(module: URL, data: unknown): Promise<Thread<M>> {
    const thread = new Thread<M>(module, data);
    await thread.#ready;
    return thread;
  }

  /** Called once when the thread has ended, wanted or not. */
  onExit(listener: (error: Error) => void): void {
    this.#exit = listener;
  }

  /** Runs a method in the thread. Throws what it threw (an `AsrError` stays one). Listed buffers move there and are empty here afterwards. */
  call<K extends keyof M & string>(
    method: K,
    argument: Parameters<M[K]>[0],
    transfer: readonly Transferable[] = [],
  ): Promise<Answer<ReturnType<M[K]>>> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, method, argument } satisfies Request, transfer);
    });
  }

  /** Ends the thread at once; open calls are rejected. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

function toError(error: { asr: ErrorRecord } | { message: string; stack: string | undefined }): Error {
  if ('asr' in error) return AsrError.fromRecord(error.asr);
  const plain = new Error(error.message);
  if (error.stack !== undefined) plain.stack = error.stack;
  return plain;
}

/** What the starter of this thread handed over. */
export function threadData(): unknown {
  return workerData;
}

/** Serves methods to the starter of this thread and tells it that the thread is ready. Call it once, after the start-up work. */
export function serveThread(methods: ThreadMethods): void {
  const port = parentPort;
  if (port === null) throw new Error('serveThread runs in a worker thread only');
  port.on('message', (request: Request) => {
    void (async () => {
      try {
        const method = methods[request.method] as ((argument: unknown) => unknown) | undefined;
        if (method === undefined) throw new Error(`the thread has no method ${request.method}`);
        const answer = await method(request.argument);
        if (answer instanceof Transferred)
          port.postMessage({ id: request.id, value: answer.value } satisfies Reply, answer.transfer);
        else port.postMessage({ id: request.id, value: answer } satisfies Reply);
      } catch (error) {
        port.postMessage({ id: request.id, error: describe(error) } satisfies Reply);
      }
    })();
  });
  port.postMessage({ ready: true } satisfies Reply);
}

function describe(error: unknown): { asr: ErrorRecord } | { message: string; stack: string | undefined } {
  if (error instanceof AsrError) return { asr: error.toRecord() };
  if (error instanceof Error) return { message: error.message, stack: error.stack };
  return { message: String(error), stack: undefined };
}
