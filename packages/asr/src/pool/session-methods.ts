import type { ModelDescription, Recognition } from '@murmuration/contracts';
import { runningMs, workMs, type ExitGate } from '@murmuration/onnx';
import { settled } from '@murmuration/contracts/left-alone';
import type { LoadOptions } from '../families/model-family.js';
import type { Pipeline, Recognizer, RecognizerInput, RehearsalClock } from '../recognizer.js';

/** How often the callers of a running batch are asked whether they still want it, milliseconds. */
const ASK_MS = 20;

/** One byte a row that another thread may read while it works: set once the row's caller says that it is cancelled. */
export class CancelFlags {
  /** Over shared memory; 1 where the row is cancelled. */
  readonly bytes: Uint8Array;
  readonly #rows: readonly ((() => boolean) | undefined)[];
  readonly #timer: NodeJS.Timeout | null;

  /** Asks at once and then every 20 ms until closed. */
  constructor(rows: readonly ((() => boolean) | undefined)[]) {
    this.#rows = rows;
    this.bytes = new Uint8Array(new SharedArrayBuffer(rows.length));
    this.#ask();
    this.#timer = rows.some((row) => row !== undefined)
      ? setInterval(() => {
          this.#ask();
        }, ASK_MS)
      : null;
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #ask(): void {
    this.#rows.forEach((cancelled, row) => {
      if (cancelled?.() === true) Atomics.store(this.bytes, row, 1);
    });
  }
}

const IN_TURN: Pipeline = { depth: 1, preparationShare: 0 };

/** A batch as it crosses to a session's thread. */
export interface SessionBatch {
  /** Signed 16-bit PCM, mono, 16 kHz. */
  readonly rows: readonly (Omit<RecognizerInput, 'pcm'> & { readonly pcm: Int16Array })[];
  /** A byte a row over shared memory; anything but 0 cancels the row. */
  readonly cancelled: Uint8Array;
}

export interface SessionAnswer {
  readonly recognitions: readonly Recognition[];
  /** Time inside the session, milliseconds; what passed while the batch before was still in it is that one's. */
  readonly inferenceMs: number;
  /** How long the device computed since the last answer, milliseconds: for this batch, and for another in the session. */
  readonly deviceMs: number;
}

/** A shape to warm: predictions come back in the order of `rows`, milliseconds. */
export interface Rehearsal {
  readonly paddedSamples: number;
  readonly rows: readonly number[];
}

/** What one session does; served by a thread, or called in place for a simulated device. */
export interface SessionMethods extends Record<string, (argument: never) => unknown> {
  describe(argument: null): ModelDescription;
  /** How batches overlap; as rehearsed so far. */
  pipeline(argument: null): Pipeline;
  rehearse(shape: Rehearsal): Promise<number[]>;
  recognize(batch: SessionBatch): Promise<SessionAnswer>;
  close(argument: null): Promise<void>;
}

/**
 * On a CPU a session of one thread is rehearsed by its processor time: what else the machine does would make one size of batch look dearer than another, and
 * batches then never form. How much slower the machine is than that shows when batches run.
 */
function rehearsalClock({ device, threads }: Pick<LoadOptions, 'device' | 'threads'>): RehearsalClock {
  return device === 'cpu' && threads === 1 ? workMs : () => performance.now();
}

/** @param gate the process waits at it for running calls before it exits */
export function sessionMethods(
  recognizer: Recognizer,
  gate: ExitGate,
  options: Pick<LoadOptions, 'device' | 'threads'>,
): SessionMethods {
  const clock = rehearsalClock(options);
  const timer = new BatchTimer(options.device === 'simulated');
  // A session closed between two steps of a batch would fail the batch.
  const running = new Set<Promise<void>>();
  return {
    describe: () => recognizer.description,
    pipeline: () => recognizer.pipeline ?? IN_TURN,
    rehearse: async ({ paddedSamples, rows }) => {
      const predicted = await gate.pass(() => recognizer.rehearse(paddedSamples, rows, clock));
      timer.forget();
      return predicted;
    },
    recognize: (batch) => {
      const answer = gate.pass(() => recognizeBatch(recognizer, batch, gate, timer));
      const ended = settled(answer).then(() => {
        running.delete(ended);
      });
      running.add(ended);
      return answer;
    },
    close: async () => {
      await Promise.all(running);
      await gate.pass(() => recognizer.close());
    },
  };
}

async function recognizeBatch(
  recognizer: Recognizer,
  { rows, cancelled }: SessionBatch,
  gate: ExitGate,
  timer: BatchTimer,
): Promise<SessionAnswer> {
  const started = performance.now();
  const inputs = rows.map(({ pcm, ...row }) => ({ ...row, pcm: toFloats(pcm) }));
  const recognitions = await recognizer.recognize(inputs, (row) => gate.stopping || Atomics.load(cancelled, row) !== 0);
  return { recognitions, ...timer.ended(started) };
}

/** Times of the batches of one session, of which two may overlap. */
class BatchTimer {
  readonly #simulated: boolean;
  #lastEndMs = 0;
  #toldMs = 0;

  /** @param simulated true where the device computes as long as a batch takes, whatever the runtime does */
  constructor(simulated: boolean) {
    this.#simulated = simulated;
  }

  /** What the device did until now belongs to no batch. */
  forget(): void {
    this.#toldMs = runningMs();
  }

  /** A batch that began then has ended now. */
  ended(startedMs: number): Pick<SessionAnswer, 'inferenceMs' | 'deviceMs'> {
    const nowMs = performance.now();
    const inferenceMs = nowMs - Math.max(startedMs, this.#lastEndMs);
    const ranMs = runningMs();
    const deviceMs = this.#simulated ? inferenceMs : ranMs - this.#toldMs;
    this.#lastEndMs = nowMs;
    this.#toldMs = ranMs;
    return { inferenceMs, deviceMs };
  }
}

function toFloats(pcm: Int16Array): Float32Array {
  const floats = new Float32Array(pcm.length);
  for (let at = 0; at < pcm.length; at++) floats[at] = (pcm[at] ?? 0) / 32_768;
  return floats;
}
