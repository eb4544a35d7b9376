import { backoffMs, type Backoff } from '../http/exchange.js';
import { MurmurationError } from '../murmuration-error.js';
import { handshakeStatus, type LiveMessage, type WebSocketConstructor, type WebSocketLike } from './live-types.js';

/** A connection that does not open in this time is tried anew. */
const OPEN_LIMIT_MS = 15_000;
/** A server may wait this long for a worker before it answers. */
const ANSWER_LIMIT_MS = 90_000;
/** After so long without a frame of ours the server is told that we are here. */
const KEEP_ALIVE_MS = 10_000;
const LOOK_EVERY_MS = 1_000;
/** Attempts at a first connection: somebody waits to begin. */
const FIRST_ATTEMPTS = 5;
/** Close codes that say that the client is at fault: trying again would not help. */
const FATAL_CODES: ReadonlySet<number> = new Set([1002, 1003, 1007, 1008, 1009, 1010]);
const RESTARTING_CODE = 1012;
/** Refusals of a handshake that may pass. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

export interface LiveLinkOptions {
  readonly webSocket: WebSocketConstructor;
  /** Where to connect, asked for each attempt. */
  readonly url: () => Promise<string>;
  readonly protocols: readonly string[];
  readonly backoff: Backoff;
  /** How long it is tried again after a connection was there. */
  readonly reconnectForMs: number;
  /** An open connection over which nothing comes for this long, though something is expected, is taken for dead. */
  readonly silenceMs: number;
  /** Asks over HTTP why a handshake was refused, where the socket does not say; null when nothing is known. */
  readonly whyRefused: () => Promise<MurmurationError | null>;
}

export interface LiveLinkHandlers {
  /** The first message of a connection. */
  readonly hello: () => object;
  readonly take: (message: LiveMessage) => void;
  /** True while the server owes an answer. */
  readonly isExpecting: () => boolean;
  readonly lost: (reason: string) => void;
  /** It is given up, or was refused for good. */
  readonly failed: (error: MurmurationError) => void;
}

/**
 * The connection of a live session, made again whenever it breaks.
 * opening (the socket, then the answer to the first message) --`answered`--> flowing
 * opening, flowing --closed, silent, `reconnect`--> pausing (no time at all when the server asked for it) --> opening
 * any --`close`, refused for good, tried for too long--> over
 */
export class LiveLink {
  readonly #options: LiveLinkOptions;
  readonly #handlers: LiveLinkHandlers;
  readonly #watch: ReturnType<typeof setInterval>;
  #state: 'opening' | 'flowing' | 'pausing' | 'over' = 'opening';
  #socket: WebSocketLike | null = null;
  #isOpen = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Attempts since an answer. */
  #failures = 0;
  #wasThere = false;
  #awaySinceMs = performance.now();
  /** Since when the server owes something: the last message, or the last look at which it owed nothing. */
  #owingSinceMs = performance.now();
  #saidAtMs = performance.now();
  /** What the server, or a handshake, said last against us. */
  #refusal: MurmurationError | null = null;

  constructor(options: LiveLinkOptions, handlers: LiveLinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#watch = setInterval(() => {
      this.#look();
    }, LOOK_EVERY_MS);
    // Its caller is not done yet.
    this.#timer = setTimeout(() => {
      this.#open();
    }, 0);
  }

  get isFlowing(): boolean {
    return this.#state === 'flowing';
  }

  /** Sends a frame; only while it flows. */
  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#saidAtMs = performance.now();
    this.#socket?.send(data);
  }

  /** The first message was answered well. */
  answered(): void {
    this.#state = 'flowing';
    this.#failures = 0;
    this.#wasThere = true;
    this.#refusal = null;
  }

  /** The server refuses for now: told if it stays so. */
  refused(error: MurmurationError): void {
    this.#refusal = error;
  }

  /** The server leaves: another is asked at once. */
  reconnect(reason: string): void {
    this.#again(reason, true);
  }

  close(): void {
    this.#state = 'over';
    clearInterval(this.#watch);
    clearTimeout(this.#timer);
    this.#drop();
  }

  #open(): void {
    this.#state = 'opening';
    this.#owingSinceMs = performance.now();
    this.#options.url().then(
      (url) => {
        this.#connect(url);
      },
      (error: unknown) => {
        if (this.#state !== 'opening') return;
        if (
          error instanceof MurmurationError &&
          error.status !== null &&
          error.status < 500 &&
          !PASSING_STATUSES.has(error.status)
        )
          this.#fail(error);
        else this.#again(error instanceof Error ? error.message : String(error), false);
      },
    );
  }

  #connect(url: string): void {
    if (this.#state !== 'opening') return;
    const { webSocket: Socket, protocols } = this.#options;
    const socket = new Socket(url, [...protocols]);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    const current = (): boolean => this.#socket === socket;
    socket.onopen = () => {
      if (!current()) return;
      this.#isOpen = true;
      this.#owingSinceMs = performance.now();
      this.send(JSON.stringify(this.#handlers.hello()));
    };
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      if (!current() || typeof data !== 'string') return;
      this.#owingSinceMs = performance.now();
      this.#take(data);
    };
    socket.onerror = (event: { readonly message?: unknown }) => {
      const status = handshakeStatus(event);
      if (current() && status !== null) this.#refusal = refusalOf(status);
    };
    socket.onclose = ({ code }: { readonly code: number }) => {
      if (current()) this.#closed(code);
    };
  }

  #closed(code: number): void {
    const wasOpen = this.#isOpen;
    this.#drop();
    const status = this.#refusal?.status ?? null;
    if (FATAL_CODES.has(code) || (status !== null && status < 500 && !PASSING_STATUSES.has(status))) {
      this.#fail(
        this.#refusal ?? new MurmurationError('bad_answer', `the server closed the connection with ${String(code)}`),
      );
      return;
    }
    if (wasOpen || this.#refusal !== null || this.#wasThere)
      this.#again(`the connection was closed (${String(code)})`, code === RESTARTING_CODE);
    else void this.#ask();
  }

  /** Browsers do not say why a handshake was refused. */
  async #ask(): Promise<void> {
    const why = await this.#options.whyRefused().catch(() => null);
    if (this.#state !== 'opening') return;
    if (why === null) this.#again('the connection could not be made', false);
    else this.#fail(why);
  }

  #again(reason: string, atOnce: boolean): void {
    if (this.#state === 'over' || this.#state === 'pausing') return;
    if (this.#state === 'flowing') this.#awaySinceMs = performance.now();
    this.#state = 'pausing';
    this.#drop();
    const failures = this.#failures++;
    const isHopeless = this.#wasThere
      ? performance.now() - this.#awaySinceMs > this.#options.reconnectForMs
      : failures + 1 >= FIRST_ATTEMPTS;
    if (isHopeless) {
      this.#fail(this.#refusal ?? new MurmurationError('unreachable', `the live session cannot be reached: ${reason}`));
      return;
    }
    if (this.#wasThere) this.#handlers.lost(reason);
    this.#timer = setTimeout(
      () => {
        this.#open();
      },
      atOnce && failures === 0 ? 0 : backoffMs(this.#options.backoff, failures),
    );
  }

  #take(text: string): void {
    try {
      this.#handlers.take(JSON.parse(text) as LiveMessage);
    } catch (error) {
      this.#fail(
        error instanceof MurmurationError
          ? error
          : new MurmurationError(
              'bad_answer',
              'a message of the server is not JSON: is there another server at this address?',
              { cause: error },
            ),
      );
    }
  }

  #look(): void {
    const nowMs = performance.now();
    const silentMs = nowMs - this.#owingSinceMs;
    if (this.#state === 'opening') {
      if (silentMs > (this.#isOpen ? ANSWER_LIMIT_MS : OPEN_LIMIT_MS)) this.#again('the server does not answer', false);
      return;
    }
    if (this.#state !== 'flowing') return;
    if (!this.#handlers.isExpecting()) this.#owingSinceMs = nowMs;
    else if (silentMs > this.#options.silenceMs) {
      this.#again('the server has fallen silent', false);
      return;
    }
    if (nowMs - this.#saidAtMs > KEEP_ALIVE_MS) this.send('{"type":"keepalive"}');
  }

  #fail(error: MurmurationError): void {
    this.close();
    this.#handlers.failed(error);
  }

  /** Lets go of the socket: what still comes from it is not heard. */
  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#isOpen = false;
    socket?.close(1000);
  }
}

function refusalOf(status: number): MurmurationError {
  const code =
    status === 401
      ? 'unauthenticated'
      : status === 403
        ? 'permission_denied'
        : status === 404
          ? 'not_found'
          : 'bad_answer';
  return new MurmurationError(code, `the server refuses the connection with HTTP ${String(status)}`, { status });
}
