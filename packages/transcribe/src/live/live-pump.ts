import { AsrError } from '@murmuration/contracts';

/** What a session is to do next, in the order it was asked for. */
type LiveTask = { readonly bytes: Uint8Array } | { readonly command: () => Promise<void> };

/** A session's audio and commands that were not worked on yet, in order. Holds what is put in: its user waits for room. */
export class LiveInbox {
  readonly #frameBytes: number;
  readonly #maxBytes: number;
  #tasks: LiveTask[] = [];
  #bytes = 0;
  #commands = 0;

  /** @param frameBytes audio is handed out in multiples of this @param maxBytes … and at most this much at once */
  constructor(frameBytes: number, maxBytes: number) {
    this.#frameBytes = frameBytes;
    this.#maxBytes = Math.max(frameBytes, maxBytes - (maxBytes % frameBytes));
  }

  /** Audio that waits. */
  get bytes(): number {
    return this.#bytes;
  }

  get hasCommand(): boolean {
    return this.#commands > 0;
  }

  /** True when `take` gives something. */
  get ready(): boolean {
    return this.#commands > 0 || this.#bytes >= this.#frameBytes;
  }

  /** Copies the bytes. */
  addBytes(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#tasks.push({ bytes: new Uint8Array(bytes) });
    this.#bytes += bytes.length;
  }

  addCommand(command: () => Promise<void>): void {
    this.#tasks.push({ command });
    this.#commands++;
  }

  /** The next command, or all audio up to it as one piece of whole frames. What is left of a frame stays. */
  take(): LiveTask | null {
    const upTo = this.#tasks.findIndex((task) => 'command' in task);
    const audio = (upTo < 0 ? this.#tasks : this.#tasks.slice(0, upTo)).flatMap((task) =>
      'bytes' in task ? [task.bytes] : [],
    );
    const available = audio.reduce((sum, piece) => sum + piece.length, 0);
    const length = Math.min(this.#maxBytes, available - (available % this.#frameBytes));
    if (length > 0) return { bytes: this.#cut(audio, length) };
    const command = this.#tasks[upTo];
    if (command === undefined) return null;
    this.#tasks.splice(upTo, 1);
    this.#commands--;
    return command;
  }

  clear(): void {
    this.#tasks = [];
    this.#bytes = 0;
    this.#commands = 0;
  }

  #cut(audio: readonly Uint8Array[], length: number): Uint8Array {
    const piece = new Uint8Array(length);
    let at = 0;
    let used = 0;
    let rest: Uint8Array | null = null;
    for (const part of audio) {
      if (at === length) break;
      const taken = Math.min(part.length, length - at);
      piece.set(part.subarray(0, taken), at);
      at += taken;
      used++;
      if (taken < part.length) rest = part.subarray(taken);
    }
    this.#tasks.splice(0, used, ...(rest === null ? [] : [{ bytes: rest }]));
    this.#bytes -= length;
    return piece;
  }
}

/** Changes of a session follow each other no faster than this, so that small frames are stored together, milliseconds … */
const GAP_MS = 60;
/** … unless this much audio waits. */
const HASTE_MS = 100;
/** Worked on at once at most. */
const PIECE_MS = 2_000;
/** A sender may be this far ahead. */
const AHEAD_MS = 500;

export interface LivePumpWork {
  /** Audio is handed out in multiples of this. */
  readonly frameBytes: number;
  /** Bytes a millisecond, roughly where they are compressed. */
  readonly bytesAMs: number;
  hear(bytes: Uint8Array): Promise<void>;
  /** True while nothing may be worked on; `wake` says that it may have changed. */
  heldUp(): boolean;
  /** Told what the work threw; the pump goes on unless it is stopped. */
  onError(error: AsrError): Promise<void>;
}

/**
 * Works on a session's audio and commands one after another, in the order they came, and slows who sends them.
 *
 * idle → (something came) → running → idle; while running it waits for more audio, or as long as it is held up. stopped from any: what waits is dropped.
 */
export class LivePump {
  readonly #work: LivePumpWork;
  readonly #inbox: LiveInbox;
  /** Settle the commands that will not be done. */
  readonly #commands = new Set<() => void>();
  #running: Promise<void> | null = null;
  #stopped = false;
  #lastMs = -Infinity;
  #waiters: (() => void)[] = [];
  #hurry: () => void = () => undefined;

  constructor(work: LivePumpWork) {
    this.#work = work;
    this.#inbox = new LiveInbox(work.frameBytes, Math.ceil(work.bytesAMs * PIECE_MS));
  }

  /** True while the sender waits. */
  get isSenderWaiting(): boolean {
    return this.#waiters.length > 0;
  }

  /** True while anything is worked on or waits, but for a part of a frame. */
  get isBusy(): boolean {
    return this.#running !== null || this.#waiters.length > 0;
  }

  /** Takes audio; resolves when there is room for more, or when it was stopped. */
  async push(bytes: Uint8Array): Promise<void> {
    if (this.#stopped) return;
    this.#inbox.addBytes(bytes);
    if (this.#inbox.bytes >= this.#work.bytesAMs * HASTE_MS) this.#hurry();
    this.#start();
    while (!this.#isStopped() && (this.#inbox.bytes > this.#work.bytesAMs * AHEAD_MS || this.#work.heldUp()))
      await this.#woken();
  }

  /** Does something after all that came before. Answers undefined when it was stopped first; throws what the work throws. */
  async command<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#stopped) return undefined;
    return new Promise<T | undefined>((resolve, reject) => {
      const giveUp = (): void => {
        resolve(undefined);
      };
      this.#commands.add(giveUp);
      this.#inbox.addCommand(async () => {
        try {
          resolve(await work());
        } catch (error) {
          reject(AsrError.from(error));
          throw error;
        } finally {
          this.#commands.delete(giveUp);
        }
      });
      this.#hurry();
      this.#start();
    });
  }

  /** Looks again at whether it is held up. */
  wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  /** Drops what waits; nothing is worked on from now but what is under way. */
  stop(): void {
    this.#stopped = true;
    this.#inbox.clear();
    for (const giveUp of this.#commands) giveUp();
    this.#commands.clear();
    this.#hurry();
    this.wake();
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** A method, for it changes while others are waited for. */
  #isStopped(): boolean {
    return this.#stopped;
  }

  #start(): void {
    if (this.#running !== null || this.#stopped || !this.#inbox.ready) return;
    this.#running = this.#run()
      .catch((error: unknown) => this.#work.onError(AsrError.from(error)))
      .finally(() => {
        this.#running = null;
        this.wake();
        this.#start();
      });
  }

  async #run(): Promise<void> {
    while (!this.#isStopped() && this.#inbox.ready) {
      await this.#pause();
      while (!this.#isStopped() && this.#work.heldUp()) await this.#woken();
      const task = this.#isStopped() ? null : this.#inbox.take();
      if (task === null) return;
      this.#lastMs = performance.now();
      await ('bytes' in task ? this.#work.hear(task.bytes) : task.command());
      this.wake();
    }
  }

  /** Waits a moment for more, unless there is enough. */
  async #pause(): Promise<void> {
    const waitMs = this.#lastMs + GAP_MS - performance.now();
    if (waitMs <= 0 || this.#inbox.hasCommand || this.#inbox.bytes >= this.#work.bytesAMs * HASTE_MS) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#hurry = () => undefined;
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }
}
