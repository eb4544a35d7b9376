import { AsrError, type LiveSettings } from '@murmuration/contracts';
import type { LiveSession } from '@murmuration/transcribe';
import { settled } from '@murmuration/contracts/left-alone';
import { Inbox } from '../sockets/inbox.js';
import { type MessageSocket, Outgoing } from '../sockets/message-socket.js';
import type { RelayContext } from '../relay-context.js';
import type { Action, Translator } from './translator.js';
import { QuietWatch } from './quiet-watch.js';

/** Audio is handed over in pieces of this size at most, so that one message cannot run ahead. */
const PUSH_BYTES = 64 * 1024;
/** A client with this much unread gets no partials. */
const BEHIND_BYTES = 64 * 1024;
/** Clients that wait for this much longer for messages they do not read are let go. */
const STALL_MS = 30_000;
/** Longest reason of a close frame, bytes. */
const REASON_BYTES = 123;

export type ConnectionParts = Pick<RelayContext, 'live' | 'logger' | 'metrics' | 'draining' | 'abandoned'>;

/**
 * One socket that speaks a translator.
 *
 * talking (messages are translated and acted on one by one) --the translator closes, or what it does fails, or the relay gives up what is left--> closed (nothing more is read or said)
 * talking, closed --the socket is gone--> gone: what came before is still acted on, then the session is finished, for no translator can resume, and those who watch it are owed the rest.
 */
export class TranslatedConnection {
  readonly #socket: MessageSocket;
  readonly #translator: Translator;
  readonly #context: ConnectionParts;
  readonly #owner: string | null;
  readonly #trace: string | null;
  readonly #inbox: Inbox;
  readonly #outgoing: Outgoing;
  readonly #quiet: QuietWatch;
  /** Aborted when the client is gone: ends the stream of events, and waiting for a first worker. */
  readonly #left = new AbortController();
  readonly #begun: Promise<void>;
  #session: LiveSession | null = null;
  #idleTimer: NodeJS.Timeout | null = null;
  #finishing = false;
  #opened = 0;
  #closed = false;

  private constructor(
    socket: MessageSocket,
    translator: Translator,
    owner: string | null,
    context: ConnectionParts,
    trace: string | null,
  ) {
    this.#socket = socket;
    this.#translator = translator;
    this.#context = context;
    this.#owner = owner;
    this.#trace = trace;
    this.#outgoing = new Outgoing(
      socket,
      STALL_MS,
      (message) => translator.encode?.(message) ?? JSON.stringify(message),
    );
    this.#quiet = new QuietWatch(
      () => (this.#closed ? null : translator.quietLimitMs),
      () => {
        this.#tell(() => translator.quiet());
      },
    );
    this.#inbox = new Inbox(
      socket,
      (data, isBinary) => this.#take(data, isBinary),
      (error) => {
        this.#fail(error);
      },
    );
    socket.on('message', () => {
      this.#quiet.heard();
    });
    socket.once('close', () => {
      void this.#leave();
    });
    context.draining.addEventListener('abort', this.#goIdle);
    context.abandoned.addEventListener('abort', this.#giveUp);
    this.#begun = this.#act(() => translator.begin());
    this.#begun.then(
      () => {
        this.#quiet.heard();
      },
      (error: unknown) => {
        this.#fail(error);
      },
    );
    if (context.abandoned.aborted) this.#giveUp();
  }

  /**
   * Speaks the translator on the socket until it is closed. Call it in the turn in which the socket opens.
   * @param trace W3C `traceparent` of the client, which its sessions continue
   */
  static serve(
    socket: MessageSocket,
    translator: Translator,
    owner: string | null,
    context: ConnectionParts,
    trace: string | null = null,
  ): void {
    new TranslatedConnection(socket, translator, owner, context, trace);
  }

  async #take(data: Buffer, isBinary: boolean): Promise<void> {
    // Whoever is told of a failed beginning is told once.
    await settled(this.#begun);
    const done = this.#quiet.busy();
    try {
      await this.#act(() => (isBinary ? this.#translator.audio(data) : this.#translator.text(data.toString('utf8'))));
    } finally {
      done();
    }
  }

  async #act(translate: () => readonly Action[]): Promise<void> {
    if (this.#closed) return;
    for (const action of translate()) {
      if (this.#isClosed()) return;
      switch (action.do) {
        case 'say':
          await this.#outgoing.send(action.message);
          break;
        case 'close':
          this.#close(action.code, action.reason);
          break;
        case 'then':
          await this.#act(action.next);
          break;
        case 'open':
          await this.#open(action.settings);
          break;
        case 'push':
          await this.#push(action.bytes);
          break;
        case 'commit':
          await this.#commit();
          break;
        case 'models': {
          const models = await this.#context.live.models();
          await this.#act(() => action.next(models));
          break;
        }
        case 'keep_alive':
          this.#session?.keepAlive();
          break;
        case 'clear':
          await this.#session?.clear();
          break;
        case 'finish':
          this.#finishing = true;
          await this.#session?.finish();
      }
    }
    this.#watchIdle();
  }

  /** Asks the translator when no audio has come for as long as it says. */
  #watchIdle(): void {
    this.#stopIdle();
    const session = this.#session;
    const limitMs = this.#closed ? null : this.#translator.idleLimitMs;
    if (limitMs === null || session === null) return;
    this.#idleTimer = setTimeout(
      () => {
        if (session.quietMs >= (this.#translator.idleLimitMs ?? Infinity)) this.#tell(() => this.#translator.idle());
        else this.#watchIdle();
      },
      Math.max(1, limitMs - session.quietMs),
    );
  }

  #stopIdle(): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
  }

  async #open(settings: LiveSettings): Promise<void> {
    await this.#session?.finish();
    this.#session = null;
    const session = await this.#context.live.open({
      settings,
      owner: this.#owner,
      trace: this.#trace,
      signal: this.#left.signal,
    });
    if (this.#left.signal.aborted) {
      // Its client never learnt of it.
      await session.cancel();
      return;
    }
    this.#session = session;
    this.#finishing = false;
    const index = this.#opened++;
    session.onStored((samples) => {
      this.#tell(() => this.#translator.stored(samples));
    });
    void this.#follow(session, index);
    await this.#act(() => this.#translator.opened({ index, model: session.model }));
  }

  async #push(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#closed; at += PUSH_BYTES)
      await this.#session?.push(bytes.subarray(at, at + PUSH_BYTES));
  }

  async #commit(): Promise<void> {
    const utterance = (await this.#session?.commit()) ?? null;
    await this.#act(() => this.#translator.committed(utterance));
  }

  async #follow(session: LiveSession, index: number): Promise<void> {
    try {
      for await (const event of session.events('0', this.#left.signal)) {
        if (event.type === 'partial' && this.#socket.bufferedAmount >= BEHIND_BYTES) continue;
        await this.#act(() => this.#translator.events(event, index));
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #tell(translate: () => readonly Action[]): void {
    this.#act(translate).catch((error: unknown) => {
      this.#fail(error);
    });
  }

  #fail(thrown: unknown): void {
    if (this.#closed || this.#left.signal.aborted) return;
    const error = AsrError.from(thrown);
    if (error.kind.http === 500)
      this.#context.logger.error({ err: error.cause ?? error, code: error.code }, 'a translated connection failed');
    // Later it is a reader that takes nothing.
    if (this.#session === null) this.#context.metrics.answered(error.kind.http, error.code);
    if (error.code === 'session_lost') this.#session = null;
    // A client that reads nothing is told nothing more.
    this.#act(() => this.#translator.fault(error)).catch(() => {
      this.#socket.terminate();
    });
  }

  /** The relay stops: who has no session yet opens one elsewhere. */
  readonly #goIdle = (): void => {
    if (this.#opened === 0) this.#giveUp();
  };

  readonly #giveUp = (): void => {
    this.#fail(new AsrError('shutting_down'));
  };

  #isClosed(): boolean {
    return this.#closed;
  }

  #close(code: number, reason: string): void {
    this.#closed = true;
    this.#inbox.stop();
    this.#quiet.stop();
    this.#stopIdle();
    this.#socket.close(code, closeReason(reason));
  }

  async #leave(): Promise<void> {
    this.#context.draining.removeEventListener('abort', this.#goIdle);
    this.#context.abandoned.removeEventListener('abort', this.#giveUp);
    this.#quiet.stop();
    // Waiting for a first worker is given up; audio that came is not.
    if (this.#session === null) this.#left.abort();
    await this.#inbox.idle();
    this.#closed = true;
    this.#stopIdle();
    this.#left.abort();
    const session = this.#session;
    if (session === null || this.#finishing) return;
    // A relay that ends leaves the rest to another.
    await (this.#context.abandoned.aborted ? session.detach() : session.finish()).catch((error: unknown) => {
      this.#context.logger.warn({ reason: AsrError.from(error).code }, 'a session could not be finished');
    });
  }
}

/** The text, cut to what a close frame holds. */
function closeReason(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.length <= REASON_BYTES
    ? text
    : new TextDecoder().decode(bytes.subarray(0, REASON_BYTES)).replace(/\uFFFD+$/, '');
}
