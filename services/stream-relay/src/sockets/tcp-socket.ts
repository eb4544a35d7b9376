import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { MessageSocket } from './message-socket.js';

const OPEN = 1;
const CLOSED = 3;
/** A peer that does not close its end is cut after this long, milliseconds. */
const LINGER_MS = 5_000;

/**
 * A TCP connection with the face of a WebSocket: what arrives is a binary message, cut anywhere.
 * open --`close`--> closing (what was sent goes out, nothing is said) --the peer closes, or 5 s--> closed
 * open --the peer closes, breaks off, or `terminate`--> closed
 */
export class TcpSocket extends EventEmitter implements MessageSocket {
  readonly OPEN = OPEN;
  readonly #tcp: Socket;
  readyState = OPEN;

  constructor(tcp: Socket) {
    super();
    this.#tcp = tcp;
    tcp.setNoDelay(true);
    tcp.on('data', (bytes: Buffer) => this.emit('message', bytes, true));
    // `close` follows.
    tcp.on('error', () => undefined);
    tcp.once('close', () => {
      this.readyState = CLOSED;
      this.emit('close');
    });
  }

  get bufferedAmount(): number {
    return this.#tcp.writableLength;
  }

  get isPaused(): boolean {
    return this.#tcp.isPaused();
  }

  pause(): void {
    this.#tcp.pause();
  }

  resume(): void {
    this.#tcp.resume();
  }

  send(text: string): void {
    if (this.readyState === OPEN) this.#tcp.write(text);
  }

  ping(_data?: undefined, _mask?: undefined, taken?: (error?: Error) => void): void {
    if (this.readyState === OPEN) this.#tcp.write('', (error) => taken?.(error ?? undefined));
    else taken?.(new Error('the connection is closed'));
  }

  close(): void {
    if (this.readyState !== OPEN) return;
    this.readyState = CLOSED;
    this.#tcp.end();
    const cut = setTimeout(() => {
      this.#tcp.destroy();
    }, LINGER_MS);
    this.#tcp.once('close', () => {
      clearTimeout(cut);
    });
  }

  terminate(): void {
    this.#tcp.destroy();
  }
}
