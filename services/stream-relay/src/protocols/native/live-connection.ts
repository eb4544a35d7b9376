import type { WebSocket } from '@fastify/websocket';
import type { Principal } from '@murmuration/access';
import {
  AsrError,
  errorMessage,
  type ResumeMessage,
  type ServerMessage,
  type StartMessage,
} from '@murmuration/contracts';
import type { LiveSession } from '@murmuration/transcribe';
import { CLOSE, closeCodeOf, Outgoing } from '../../sockets/message-socket.js';
import { Inbox } from '../../sockets/inbox.js';
import type { RelayContext } from '../../relay-context.js';
import { Acks, readMessage, settingsOf } from './messages.js';
import { forwardEvents } from './viewer.js';

/** Clients that wait for this much longer for messages they do not read are let go. */
const STALL_MS = 30_000;

type State = 'waiting' | 'opening' | 'open' | 'finishing' | 'ended';

/**
 * A client of the own protocol.
 * waiting --`start`, `resume`--> opening --core answers--> open --`finish`--> finishing --event `closed`--> ended (1000, or the code of the error that the session failed by)
 * In every state but ended:
 *   --a message that the state does not take, a refusal, nothing to start with in time--> ended (`error`, then the code of `closeCodeOf`)
 *   --the relay stops--> ended (`going_away`, then 1012)
 *   --the socket is gone--> ended
 * Where it ends before `closed` with a session open, the session is detached: its client may resume it.
 */
export class LiveConnection {
  readonly #socket: WebSocket;
  readonly #principal: Principal;
  readonly #trace: string | null;
  readonly #context: RelayContext;
  readonly #inbox: Inbox;
  readonly #outgoing: Outgoing;
  /** Aborted at the end: gives up opening, and ends the stream of events. */
  readonly #over = new AbortController();
  readonly #startTimer: NodeJS.Timeout;
  #state: State = 'waiting';
  #session: LiveSession | null = null;
  #acks: Acks | null = null;
  #ignoredAudio = false;

  /** @param trace W3C `traceparent` of the client, which its session continues */
  constructor(socket: WebSocket, principal: Principal, context: RelayContext, trace: string | null = null) {
    this.#socket = socket;
    this.#principal = principal;
    this.#trace = trace;
    this.#context = context;
    this.#outgoing = new Outgoing(socket, STALL_MS);
    this.#inbox = new Inbox(
      socket,
      (data, isBinary) => (isBinary ? this.#takeAudio(data) : this.#takeText(data)),
      (error) => {
        this.#fail(error);
      },
    );
    this.#startTimer = setTimeout(() => {
      this.#fail(
        new AsrError(
          'invalid_message',
          `Nothing was started within ${String(context.config.START_TIMEOUT_MS / 1_000)} seconds. Send start or resume first.`,
        ),
      );
    }, context.config.START_TIMEOUT_MS);
    socket.on('close', () => {
      void this.#end();
    });
    context.draining.addEventListener('abort', this.#goAway);
    if (context.draining.aborted) this.#goAway();
  }

  async #takeText(data: Buffer): Promise<void> {
    const message = readMessage(data.toString('utf8'));
    switch (message.type) {
      case 'start':
        await this.#start(message);
        return;
      case 'resume':
        await this.#resume(message);
        return;
      case 'keepalive':
        this.#begun('keepalive').session.keepAlive();
        return;
      case 'commit':
        if (this.#begun('commit').state === 'open') await this.#session?.commit();
        return;
      case 'finish':
        if (this.#begun('finish').state === 'finishing') return;
        this.#state = 'finishing';
        await this.#session?.finish();
        return;
      case 'cancel':
        await this.#begun('cancel').session.cancel();
    }
  }

  async #takeAudio(data: Buffer): Promise<void> {
    const { session, state } = this.#begun('audio');
    if (state === 'open') {
      await session.push(data);
    } else if (!this.#ignoredAudio) {
      this.#ignoredAudio = true;
      this.#tell({ type: 'warning', code: 'audio_ignored', message: 'Audio after finish is ignored.' });
    }
  }

  #begun(what: string): { readonly session: LiveSession; readonly state: State } {
    if (this.#session === null)
      throw new AsrError('invalid_message', `The first message must be start or resume, not ${what}.`);
    return { session: this.#session, state: this.#state };
  }

  async #start(message: StartMessage): Promise<void> {
    this.#beginOnce();
    const settings = settingsOf(message);
    const session = await this.#context.live.open({
      settings,
      owner: this.#principal.owner,
      trace: this.#trace,
      signal: this.#over.signal,
    });
    if (this.#state === 'ended') {
      // Its client never learnt of it.
      await session.cancel();
      return;
    }
    this.#tell({
      type: 'ready',
      session: session.id,
      token: session.token,
      model: session.model.id,
      encoding: session.settings.encoding,
      sample_rate: session.settings.sampleRateHz,
      channels: session.settings.channels,
      language: session.settings.language,
      interim_results: session.settings.interimResults,
      word_timestamps: session.settings.wordTimestamps,
      endpointing_ms: session.settings.endpointingMs,
      idle_endpointing_ms: session.settings.idleEndpointingMs ?? session.settings.endpointingMs,
      max_utterance_ms: session.settings.maxUtteranceMs,
    });
    this.#follow(session, '0');
  }

  async #resume(message: ResumeMessage): Promise<void> {
    this.#beginOnce();
    const session = await this.#context.live.resume(message.session, message.token, this.#principal.owner, this.#trace);
    if (this.#ended) {
      await session.detach();
      return;
    }
    this.#tell({ type: 'resumed', session: session.id, samples: session.storedSamples });
    this.#follow(session, message.last_event_id ?? '0');
  }

  get #ended(): boolean {
    return this.#state === 'ended';
  }

  #beginOnce(): void {
    if (this.#state !== 'waiting')
      throw new AsrError('invalid_message', 'The session has begun already; one connection holds one session.');
    clearTimeout(this.#startTimer);
    this.#state = 'opening';
  }

  #follow(session: LiveSession, afterId: string): void {
    this.#state = 'open';
    this.#session = session;
    const acks = new Acks(session.storedSamples, (samples) => {
      this.#tell({ type: 'ack', samples });
    });
    this.#acks = acks;
    session.onStored((samples) => {
      acks.stored(samples);
    });
    forwardEvents(session.events(afterId, this.#over.signal), this.#outgoing, () => {
      acks.stored(session.storedSamples);
      acks.flush();
    }).then(
      (code) => {
        if (this.#ended) return;
        // Null: it has closed, and the client knows.
        this.#session = null;
        this.#close(code ?? CLOSE.done, 'closed');
      },
      (error: unknown) => {
        this.#fail(error);
      },
    );
  }

  #tell(message: ServerMessage): void {
    this.#outgoing.post(message);
  }

  #fail(thrown: unknown): void {
    if (this.#ended) return;
    const error = AsrError.from(thrown);
    if (error.kind.http === 500)
      this.#context.logger.error({ err: error.cause ?? error, code: error.code }, 'a live connection failed');
    // Later it is a reader that takes nothing.
    if (this.#session === null) this.#context.metrics.answered(error.kind.http, error.code);
    // Another connection owns it now.
    if (error.code === 'session_lost') this.#session = null;
    this.#tell(errorMessage(error));
    this.#close(closeCodeOf(error), error.code);
  }

  readonly #goAway = (): void => {
    if (this.#ended) return;
    this.#tell({ type: 'going_away', message: 'This relay stops. Connect again and resume.' });
    void this.#end().finally(() => {
      this.#socket.close(CLOSE.restart, 'going_away');
    });
  };

  #close(code: number, reason: string): void {
    void this.#end();
    this.#socket.close(code, reason);
  }

  /** Lets go of everything; resolves when the session may be resumed. */
  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#state = 'ended';
    clearTimeout(this.#startTimer);
    this.#context.draining.removeEventListener('abort', this.#goAway);
    this.#inbox.stop();
    this.#acks?.stop();
    this.#over.abort();
    const session = this.#session;
    this.#session = null;
    await session?.detach().catch((error: unknown) => {
      this.#context.logger.warn({ reason: AsrError.from(error).code }, 'a session could not be handed over');
    });
  }
}
