import { WebSocket, type RawData } from 'ws';

/** A message of the server as a test sees it, with when it came. */
export interface LiveMessage {
  readonly type: string;
  readonly atMs: number;
  readonly event_id?: string;
  readonly session?: string;
  readonly token?: string;
  readonly samples?: number;
  readonly utterance?: number;
  readonly start_ms?: number;
  readonly end_ms?: number;
  readonly text?: string;
  readonly stable_chars?: number;
  readonly code?: string;
}

/** One connection in the project's own live protocol; keeps all that the server says. */
export class LiveConnection {
  readonly messages: LiveMessage[] = [];
  readonly #socket: WebSocket;
  readonly #closed: Promise<number>;
  #wake: (() => void)[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        resolve(code);
        this.#wakeAll();
      });
    });
    socket.on('message', (data: RawData) => {
      this.messages.push({ ...(JSON.parse((data as Buffer).toString()) as LiveMessage), atMs: performance.now() });
      this.#wakeAll();
    });
    socket.on('error', () => undefined);
  }

  /** Throws when the handshake is refused. */
  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<LiveConnection> {
    const socket = new WebSocket(url, { headers, perMessageDeflate: false });
    const connection = new LiveConnection(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return connection;
  }

  send(message: Readonly<Record<string, unknown>>): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Raw text, for what no client should send. */
  sendText(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  audio(pcm: Int16Array | Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN)
      this.#socket.send(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength), { binary: true });
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.#socket.terminate();
  }

  /** Close code, once it is closed. */
  get closed(): Promise<number> {
    return this.#closed;
  }

  /** The first message from `from` on that fits; throws when the connection closes before or after `limitMs`. */
  async next(what: string, fits: (message: LiveMessage) => boolean, limitMs = 30_000, from = 0): Promise<LiveMessage> {
    const untilMs = performance.now() + limitMs;
    for (;;) {
      const found = this.messages.slice(from).find(fits);
      if (found !== undefined) return found;
      if (this.#socket.readyState === WebSocket.CLOSED)
        throw new Error(
          `closed with ${String(await this.#closed)} before: ${what}; the last message was ${JSON.stringify(this.messages.at(-1))}`,
        );
      if (performance.now() > untilMs) throw new Error(`did not come in ${String(limitMs)} ms: ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const call of wake) call();
  }
}
