import type { WebSocket } from '@fastify/websocket';

/** Asks every socket whether anybody is there, and cuts those that have shown no life since they were last asked: within two intervals a dead peer is gone. */
export class Heartbeat {
  readonly #sockets: ReadonlySet<WebSocket>;
  readonly #timer: NodeJS.Timeout;
  readonly #asked = new WeakSet<WebSocket>();

  constructor(sockets: ReadonlySet<WebSocket>, intervalMs: number) {
    this.#sockets = sockets;
    this.#timer = setInterval(() => { this.beat(); }, intervalMs);
    this.#timer.unref();
  }

  /** To be called once for each socket. */
  watch(socket: WebSocket): void {
    const alive = (): void => { this.#asked.delete(socket); };
    socket.on('pong', alive).on('ping', alive).on('message', alive);
  }

  /** One round. */
  beat(): void {
    for (const socket of this.#sockets) {
      // Of a socket that we do not read, no answer can be seen.
      if (socket.isPaused || socket.readyState !== socket.OPEN) continue;
      if (this.#asked.has(socket)) {
        socket.terminate();
        continue;
      }
      this.#asked.add(socket);
      socket.ping();
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
