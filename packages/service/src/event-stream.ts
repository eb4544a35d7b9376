import type { FastifyReply } from 'fastify';
import { AsrError } from '@murmuration/contracts';

export interface EventStreamOptions {
  /** A comment goes out when nothing else did for this long, so that proxies keep the connection. */
  readonly heartbeatMs: number;
  /** A reader that takes nothing for this long is let go. */
  readonly stallTimeoutMs: number;
}

/** Work that was accepted may fail for so long with an ordinary answer; then the stream opens. */
const OPEN_AFTER_MS = 1_000;
/** A reader that was let go may still take in what was sent and the reason for so long. */
const LINGER_MS = 10_000;

/**
 * Server-sent events as the answer of one request.
 * waiting (an error may still be an ordinary answer) --first event, `open`, or `expect` and a second--> begun --`end`, `close` with a reason, or a reader that takes nothing--> ended.
 * Each send waits until the reader has taken what was sent before, so that no more than one event is buffered.
 */
export class EventStream {
  readonly #reply: FastifyReply;
  readonly #options: EventStreamOptions;
  #begun = false;
  #closed = false;
  #heartbeat: NodeJS.Timeout | null = null;
  #opening: NodeJS.Timeout | null = null;

  constructor(reply: FastifyReply, options: EventStreamOptions) {
    this.#reply = reply;
    this.#options = options;
    reply.raw.once('close', () => {
      this.#stopHeartbeat();
    });
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** Work has been accepted: the stream opens by itself a second from now, or after a heartbeat's time where that is shorter. */
  expect(): void {
    this.#opening ??= setTimeout(
      () => {
        this.open();
      },
      Math.min(OPEN_AFTER_MS, this.#options.heartbeatMs),
    );
  }

  /** Opens the stream now, before there is an event. Proxies that hold headers back until something follows them pass them on. */
  open(): void {
    if (!this.#begun) this.#beat();
  }

  /** Sends one event; `name` null leaves the line `event:` out. `id` is the one to continue from. Throws `cancelled` when the reader has gone or takes nothing. */
  async send(name: string | null, data: unknown, id: string | null = null): Promise<void> {
    this.#begin();
    const { raw } = this.#reply;
    if (raw.destroyed || this.#closed) throw new AsrError('cancelled');
    // JSON has no bare line breaks, so that no text can end the event.
    if (
      raw.write(
        `${id === null ? '' : `id: ${id}\n`}${name === null ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`,
      )
    )
      return;
    await this.#drained();
  }

  /** Ends a stream that has begun before its last event, and says why in a comment. */
  close(reason: string): void {
    this.#stopHeartbeat();
    if (!this.#begun || this.#closed) return;
    this.#closed = true;
    const { raw } = this.#reply;
    raw.end(`: closed: ${reason}\n\n`);
    const timer = setTimeout(() => {
      raw.destroy();
    }, LINGER_MS);
    timer.unref();
    raw.once('close', () => {
      clearTimeout(timer);
    });
  }

  /** Ends the answer, where it began; no heartbeat comes after. */
  end(): void {
    this.#stopHeartbeat();
    if (this.#begun && !this.#closed) this.#reply.raw.end();
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    if (this.#opening !== null) clearTimeout(this.#opening);
    this.#heartbeat ??= setInterval(() => {
      this.#beat();
    }, this.#options.heartbeatMs);
    const { raw } = this.#reply;
    for (const [name, value] of Object.entries(this.#reply.getHeaders())) {
      if (value !== undefined) raw.setHeader(name, value);
    }
    this.#reply.hijack();
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    raw.flushHeaders();
  }

  #beat(): void {
    this.#begin();
    if (!this.#reply.raw.destroyed && this.#reply.raw.writableLength === 0)
      this.#reply.raw.write(': still at work\n\n');
  }

  #drained(): Promise<void> {
    const { raw } = this.#reply;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        raw.off('drain', settle).off('close', settle);
        if (raw.destroyed || this.#closed) reject(new AsrError('cancelled'));
        else resolve();
      };
      const timer = setTimeout(() => {
        this.close('what was sent is not read');
        settle();
      }, this.#options.stallTimeoutMs);
      raw.on('drain', settle).on('close', settle);
    });
  }

  #stopHeartbeat(): void {
    if (this.#opening !== null) clearTimeout(this.#opening);
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
  }
}
