import type { WebSocket } from 'ws';
import { AsrError, type LiveSettings } from '@murmuration/contracts';
import type { LiveService, LiveSession } from '@murmuration/intake';
import type { Logger } from '@murmuration/runtime';
import { CLOSE, closeReason } from './close-code.js';
import type { Action, Dialect } from './dialect.js';

export interface ConnectionParts {
  readonly live: LiveService;
  readonly logger: Logger;
  /** Aborted when what is left is given up. */
  readonly abandoned: AbortSignal;
  /** Peers are asked this often whether they are there. */
  readonly pingIntervalMs: number;
}

/** Messages of the client that wait, above which its socket is read no further. */
const MAX_WAITING_BYTES = 256 * 1024;
/** Audio is handed over in pieces of this size at most, so that one message cannot run ahead. */
const PUSH_BYTES = 64 * 1024;
/** A client with this much unread gets no partials, … */
const BEHIND_BYTES = 1024 * 1024;
/** … and one with this much is let go. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly act: () => readonly Action[];
}

/**
 * One socket that speaks a dialect.
 *
 * talking (messages are translated and acted on one by one; the socket is paused while many wait)
 *   --the dialect closes, or what it does fails--> closing (nothing more is read or said)
 *   --relay gives up what is left--> closing, with 1012
 * talking, closing --the socket is gone--> gone: what came before is acted on, then the session is finished, for those who watch it.
 */
export class DialectConnection {
  readonly #socket: WebSocket;
  readonly #dialect: Dialect;
  readonly #parts: ConnectionParts;
  readonly #owner: string | null;
  readonly #left = new AbortController();
  readonly #inbox: Waiting[] = [];
  #waitingBytes = 0;
  #work: Promise<void> | null = null;
  #session: LiveSession | null = null;
  #finishing = false;
  #opened = 0;
  #closing = false;
  #heardMs = performance.now();
  #quietTimer: NodeJS.Timeout | null = null;
  #answered = true;

  private constructor(socket: WebSocket, dialect: Dialect, parts: ConnectionParts, owner: string | null) {
    this.#socket = socket;
    this.#dialect = dialect;
    this.#parts = parts;
    this.#owner = owner;
  }

  /** Speaks the dialect on the socket until it is closed. Call it in the turn in which the socket opens. */
  static serve(socket: WebSocket, dialect: Dialect, parts: ConnectionParts, owner: string | null): void {
    new DialectConnection(socket, dialect, parts, owner).#start();
  }

  #start(): void {
    this.#socket.on('message', (data, isBinary) => {
      const bytes = data as Buffer;
      this.#heardMs = performance.now();
      this.#take({ bytes: bytes.length, act: () => isBinary ? this.#dialect.audio(bytes) : this.#dialect.text(bytes.toString('utf8')) });
    });
    this.#socket.on('pong', () => { this.#answered = true; });
    this.#socket.on('error', () => undefined);
    const pings = setInterval(() => { this.#ping(); }, this.#parts.pingIntervalMs);
    const onAbandoned = (): void => { this.#fail(new AsrError('shutting_down')); };
    this.#parts.abandoned.addEventListener('abort', onAbandoned);
    this.#socket.once('close', () => {
      clearInterval(pings);
      if (this.#quietTimer !== null) clearTimeout(this.#quietTimer);
      this.#parts.abandoned.removeEventListener('abort', onAbandoned);
      void this.#leave();
    });
    this.#take({ bytes: 0, act: () => this.#dialect.begin() });
    if (this.#parts.abandoned.aborted) onAbandoned();
  }

  #take(waiting: Waiting): void {
    if (this.#closing) return;
    this.#inbox.push(waiting);
    this.#waitingBytes += waiting.bytes;
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#socket.pause();
    this.#work ??= this.#empty().finally(() => {
      this.#work = null;
      // While there was work the client may have been kept from speaking.
      this.#heardMs = performance.now();
      this.#listen();
    });
  }

  async #empty(): Promise<void> {
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      try {
        await this.#do(next.act());
      } catch (error) {
        this.#fail(error);
      }
      this.#waitingBytes -= next.bytes;
      if (this.#waitingBytes <= MAX_WAITING_BYTES && this.#socket.isPaused) this.#socket.resume();
    }
  }

  async #do(actions: readonly Action[]): Promise<void> {
    for (const action of actions) {
      if (this.#closing) return;
      switch (action.do) {
        case 'say': this.#say(action.message); break;
        case 'close': this.#close(action.code, action.reason); break;
        case 'then': await this.#do(action.next()); break;
        case 'open': await this.#open(action.settings); break;
        case 'push': await this.#push(action.bytes); break;
        case 'commit': await this.#do(this.#dialect.committed(await this.#session?.commit() ?? null)); break;
        case 'clear': await this.#session?.clear(); break;
        case 'finish':
          this.#finishing = true;
          await this.#session?.finish();
      }
    }
  }

  async #open(settings: LiveSettings): Promise<void> {
    await this.#session?.finish();
    this.#session = null;
    this.#finishing = false;
    const session = await this.#parts.live.open({ settings, owner: this.#owner, signal: this.#left.signal });
    this.#session = session;
    const index = this.#opened++;
    session.onStored((samples) => { this.#tell(() => this.#dialect.stored(samples)); });
    void this.#follow(session, index);
    await this.#do(this.#dialect.opened({ index, model: session.model }));
  }

  async #push(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#closing; at += PUSH_BYTES) await this.#session?.push(bytes.subarray(at, at + PUSH_BYTES));
  }

  async #follow(session: LiveSession, index: number): Promise<void> {
    try {
      for await (const news of session.news('0', this.#left.signal)) {
        if (news.type === 'partial' && this.#socket.bufferedAmount > BEHIND_BYTES) continue;
        await this.#do(this.#dialect.news(news, index));
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #tell(what: () => readonly Action[]): void {
    void (async () => { await this.#do(what()); })().catch((error: unknown) => { this.#fail(error); });
  }

  #fail(thrown: unknown): void {
    if (this.#closing || this.#left.signal.aborted) return;
    const error = AsrError.from(thrown);
    if (error.code === 'internal') this.#parts.logger.error({ err: error.cause ?? error }, 'a dialect failed');
    this.#tell(() => this.#dialect.fault(error));
  }

  #say(message: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > MAX_UNREAD_BYTES) {
      this.#close(CLOSE.later, 'too much is unread');
      this.#socket.terminate();
      return;
    }
    this.#socket.send(message);
  }

  #close(code: number, reason: string): void {
    this.#closing = true;
    this.#inbox.length = 0;
    // A paused socket would not hear the answer to its close.
    if (this.#socket.isPaused) this.#socket.resume();
    this.#socket.close(code, closeReason(reason));
  }

  /** The client is gone. No dialect can resume, so its session is finished: what was said is still told to those who watch. */
  async #leave(): Promise<void> {
    // Waiting for a first worker is given up; audio that came is not.
    if (this.#session === null) this.#left.abort();
    await this.#work;
    this.#closing = true;
    this.#left.abort();
    const session = this.#session;
    if (session === null || this.#finishing) return;
    // A relay that ends leaves the rest to another.
    await (this.#parts.abandoned.aborted ? session.detach() : session.finish()).catch((error: unknown) => {
      this.#parts.logger.warn({ code: AsrError.from(error).code }, 'a session could not be finished');
    });
  }

  #ping(): void {
    // A paused socket hears no answers.
    if (this.#socket.isPaused || this.#socket.readyState !== this.#socket.OPEN) return;
    if (!this.#answered) {
      this.#socket.terminate();
      return;
    }
    this.#answered = false;
    this.#socket.ping();
  }

  /** Waits for the client's next message, as long as the dialect lets it. */
  #listen(): void {
    if (this.#quietTimer !== null) return;
    const limitMs = this.#dialect.quietLimitMs;
    if (limitMs === null || this.#closing || this.#socket.readyState !== this.#socket.OPEN) return;
    this.#quietTimer = setTimeout(() => {
      this.#quietTimer = null;
      if (this.#work !== null) return;
      const current = this.#dialect.quietLimitMs;
      if (current !== null && performance.now() - this.#heardMs >= current) this.#tell(() => this.#dialect.quiet());
      else this.#listen();
    }, Math.max(1, limitMs - (performance.now() - this.#heardMs)));
  }
}
