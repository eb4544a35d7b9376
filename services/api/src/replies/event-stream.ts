import type { FastifyReply } from 'fastify';
import { AsrError } from '@murmuration/contracts';

export interface EventStreamOptions {
  /** A comment goes out when nothing else did for this long, so that proxies keep the connection. */
  readonly heartbeatMs: number;
  /** A reader that takes nothing for this long is let go. */
  readonly stallTimeoutMs: number;
}

/**
 * Server-sent events as the answer of one request.
 * waiting (an error may still be an ordinary answer) --first event, or `expect` and a heartbeat's time--> begun --`end`--> ended.
 * Each send waits until the reader has taken what was sent before, so that no more than one event is buffered.
 */
export class EventStream {
  readonly #reply: FastifyReply;
  readonly #options: EventStreamOptions;
  #begun = false;
  #heartbeat: NodeJS.Timeout | null = null;

  constructor(reply: FastifyReply, options: EventStreamOptions) {
    this.#reply = reply;
    this.#options = options;
    reply.raw.once('close', () => { this.#stopHeartbeat(); });
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** Work has been accepted: from now on the stream opens by itself after a heartbeat's time. */
  expect(): void {
    this.#heartbeat ??= setInterval(() => { this.#beat(); }, this.#options.heartbeatMs);
  }

  /** Sends one event; `name` null leaves the line `event:` out. Throws `cancelled` when the reader has gone or takes nothing. */
  async send(name: string | null, data: unknown): Promise<void> {
    this.#begin();
    const { raw } = this.#reply;
    if (raw.destroyed) throw new AsrError('cancelled');
    // JSON has no bare line breaks, so that no text can end the event.
    if (raw.write(`${name === null ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`)) return;
    await this.#drained();
  }

  /** Ends the answer, where it began; no heartbeat comes after. */
  end(): void {
    this.#stopHeartbeat();
    if (this.#begun) this.#reply.raw.end();
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.expect();
    const { raw } = this.#reply;
    for (const [name, value] of Object.entries(this.#reply.getHeaders())) {
      if (value !== undefined) raw.setHeader(name, value);
    }
    this.#reply.hijack();
    raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });
    raw.flushHeaders();
  }

  #beat(): void {
    this.#begin();
    if (!this.#reply.raw.destroyed && this.#reply.raw.writableLength === 0) this.#reply.raw.write(': still at work\n\n');
  }

  #drained(): Promise<void> {
    const { raw } = this.#reply;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        raw.off('drain', settle).off('close', settle);
        if (raw.destroyed) reject(new AsrError('cancelled'));
        else resolve();
      };
      const timer = setTimeout(() => { raw.destroy(); settle(); }, this.#options.stallTimeoutMs);
      raw.on('drain', settle).on('close', settle);
    });
  }

  #stopHeartbeat(): void {
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
  }
}
