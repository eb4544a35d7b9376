import { setImmediate as othersTurn } from 'node:timers/promises';
import type { MessageSocket } from './message-socket.js';

/** Bytes of messages that may wait before the socket is no longer read. */
const FULL_BYTES = 256 * 1024;
/** Small messages count as this many bytes, so that a flood of empty ones is slowed as well. */
const MESSAGE_BYTES = 256;
/** After so many messages of one client the others have their turn: handlers that wait for nothing would keep the process to themselves. */
const TURN_MESSAGES = 16;

/**
 * Messages of a client, handled one after the other. While too many wait, the socket is not read, so that TCP slows a sender that is faster than the handler.
 * reading ⇄ paused (256 KiB wait; goes on at half of that) --`stop`--> stopped (what waits is dropped)
 */
export class Inbox {
  readonly #socket: MessageSocket;
  readonly #take: (data: Buffer, isBinary: boolean) => Promise<void>;
  readonly #onError: (error: unknown) => void;
  readonly #waiting: { readonly data: Buffer; readonly isBinary: boolean }[] = [];
  #waitingBytes = 0;
  #working: Promise<void> | null = null;
  #stopped = false;

  /** @param onError called with what `take` throws; the inbox has stopped then */
  constructor(
    socket: MessageSocket,
    take: (data: Buffer, isBinary: boolean) => Promise<void>,
    onError: (error: unknown) => void,
  ) {
    this.#socket = socket;
    this.#take = take;
    this.#onError = onError;
    socket.on('message', this.#add);
  }

  /** Takes no more messages. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#waiting.length = 0;
    this.#socket.off('message', this.#add);
    // Only a socket that is read sees the end of its connection.
    this.#socket.on('message', () => undefined);
    if (this.#socket.isPaused) this.#socket.resume();
  }

  /** Resolves when the message being worked on is done. */
  async idle(): Promise<void> {
    await this.#working;
  }

  /** A method, for it changes while others have their turn. */
  #isStopped(): boolean {
    return this.#stopped;
  }

  readonly #add = (data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean): void => {
    const bytes = Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
    this.#waiting.push({ data: bytes, isBinary });
    this.#waitingBytes += costOf(bytes);
    if (this.#waitingBytes >= FULL_BYTES) this.#socket.pause();
    this.#working ??= this.#work();
  };

  async #work(): Promise<void> {
    try {
      let handled = 0;
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        if (handled++ % TURN_MESSAGES === TURN_MESSAGES - 1) await othersTurn();
        if (this.#isStopped()) return;
        await this.#take(next.data, next.isBinary);
        this.#waitingBytes -= costOf(next.data);
        if (this.#socket.isPaused && this.#waitingBytes < FULL_BYTES / 2) this.#socket.resume();
      }
    } catch (error) {
      this.stop();
      this.#onError(error);
    } finally {
      this.#working = null;
    }
  }
}

function costOf(data: Buffer): number {
  return data.byteLength + MESSAGE_BYTES;
}
