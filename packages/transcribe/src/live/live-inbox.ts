/** What a session is to do next, in the order it was asked for. */
export type LiveTask = { readonly bytes: Uint8Array } | { readonly command: () => Promise<void> };

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
