import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ResumeMessage, ServerMessage, StartMessage } from '@murmuration/contracts';

/** Samples of one made-up utterance. */
const UTTERANCE_SAMPLES = 4_000;
const SAMPLE_BYTES = 2;
/** Audio is stored this long after it came at the latest. */
const ACK_MS = 5;

/** A session as the cluster holds it, whatever becomes of connections. */
interface HeldSession {
  readonly id: string;
  readonly token: string;
  audio: Buffer;
  readonly events: Extract<ServerMessage, { event_id: string }>[];
  isClosed: boolean;
  owner: Connection | null;
}

export interface RelayScript {
  /** Looks at each frame that a connection receives, before it is taken; true: the script has dealt with it. */
  readonly onFrame?: (
    connection: Connection,
    frame: StartMessage | ResumeMessage | { readonly type: string } | Buffer,
  ) => boolean;
  /** Refuses a handshake with this status. */
  readonly refuse?: (request: IncomingMessage) => number | null;
  /** Frames of audio a store and acknowledgement; fewer are stored after a moment, except where it is infinite: then the script says when. */
  readonly ackEvery?: number;
}

/** A real WebSocket server that speaks the live protocol: audio that it acknowledges is kept, what it has not is lost with its connection. Its text is what the audio adds up to. */
export class TestLiveRelay {
  readonly sessions = new Map<string, HeldSession>();
  readonly connections: Connection[] = [];
  readonly requests: IncomingMessage[] = [];
  readonly url: string;
  script: RelayScript;
  readonly #close: () => Promise<void>;

  private constructor(port: number, script: RelayScript, close: () => Promise<void>) {
    this.url = `http://127.0.0.1:${String(port)}`;
    this.script = script;
    this.#close = close;
  }

  static open(script: RelayScript = {}): Promise<TestLiveRelay> {
    const http = createServer((request, response) => {
      response
        .writeHead(request.headers.authorization === 'Bearer wrong' ? 401 : 200, { 'content-type': 'application/json' })
        .end('{"error":{"code":"unauthenticated","message":"m"}}');
    });
    const sockets = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) => [...offered].find((name) => !name.startsWith('murmuration.key.')) ?? false,
    });
    return new Promise((resolve) => {
      http.listen(0, '127.0.0.1', () => {
        const relay = new TestLiveRelay(
          (http.address() as AddressInfo).port,
          script,
          () =>
            new Promise((done) => {
              for (const client of sockets.clients) client.terminate();
              http.close(() => {
                done();
              });
              http.closeAllConnections();
            }),
        );
        http.on('upgrade', (request, socket, head) => {
          relay.requests.push(request);
          const status = relay.script.refuse?.(request) ?? null;
          if (status !== null) {
            socket.end(`HTTP/1.1 ${String(status)} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
            return;
          }
          sockets.handleUpgrade(request, socket, head, (client) => {
            relay.connections.push(new Connection(relay, client));
          });
        });
        resolve(relay);
      });
    });
  }

  close(): Promise<void> {
    return this.#close();
  }

  get onlySession(): HeldSession {
    const session = this.onlySessionOrNull();
    if (session === null) throw new Error('there is no session');
    return session;
  }

  onlySessionOrNull(): HeldSession | null {
    const [session] = this.sessions.values();
    return session ?? null;
  }
}

/** One connection to the relay. */
export class Connection {
  readonly #relay: TestLiveRelay;
  readonly #socket: WebSocket;
  #session: HeldSession | null = null;
  /** Audio that came and is not stored. */
  #pending: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** What still comes over a connection that was ended is not heard. */
  #isGone = false;

  constructor(relay: TestLiveRelay, socket: WebSocket) {
    this.#relay = relay;
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#pending = [];
      clearTimeout(this.#timer);
    });
    socket.on('message', (data: Buffer, isBinary) => {
      if (this.#isGone) return;
      const frame = isBinary ? data : (JSON.parse(data.toString()) as { type: string });
      if (this.#relay.script.onFrame?.(this, frame) === true) return;
      this.take(frame);
    });
  }

  /** Takes a frame as the protocol has it. */
  take(frame: StartMessage | ResumeMessage | { readonly type: string } | Buffer): void {
    if (Buffer.isBuffer(frame)) this.#hear(frame);
    else if (frame.type === 'start') this.#start(frame as StartMessage);
    else if (frame.type === 'resume') this.#resume(frame as ResumeMessage);
    else if (frame.type === 'finish') this.#finish('finished');
    else if (frame.type === 'cancel') this.#finish('cancelled');
  }

  say(message: ServerMessage): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Says something that is no message. */
  babble(text: string): void {
    this.#socket.send(text);
  }

  /** Breaks the connection without a word. */
  cut(): void {
    this.#isGone = true;
    this.#socket.terminate();
  }

  /** Announces that the relay stops, and closes. */
  leave(): void {
    this.say({ type: 'going_away', message: 'This relay stops.' });
    this.closeWith(1012);
  }

  closeWith(code: number): void {
    this.#isGone = true;
    this.#socket.close(code);
  }

  /** Stores what has come, and says so unless it is to be lost. */
  store(acknowledge = true): void {
    const session = this.#session;
    if (session?.owner !== this || this.#isGone) return;
    session.audio = Buffer.concat([session.audio, ...this.#pending]);
    this.#pending = [];
    this.#understand(session);
    if (acknowledge) this.say({ type: 'ack', samples: Math.floor(session.audio.length / SAMPLE_BYTES) });
  }

  #start(message: StartMessage): void {
    const session: HeldSession = {
      id: crypto.randomUUID(),
      token: crypto.randomUUID(),
      audio: Buffer.alloc(0),
      events: [],
      isClosed: false,
      owner: this,
    };
    this.#relay.sessions.set(session.id, session);
    this.#session = session;
    this.say({
      type: 'ready',
      session: session.id,
      token: session.token,
      model: 'm',
      encoding: message.encoding ?? 'pcm_s16le',
      sample_rate: message.sample_rate ?? 16_000,
      channels: message.channels ?? 1,
      language: message.language ?? null,
      interim_results: true,
      word_timestamps: false,
      endpointing_ms: 400,
      idle_endpointing_ms: 1_000,
      max_utterance_ms: 15_000,
    });
  }

  #resume({ session: id, token, last_event_id: last }: ResumeMessage): void {
    const session = this.#relay.sessions.get(id);
    if (session?.token !== token) {
      this.say({
        type: 'error',
        code: 'invalid_resume',
        message: 'There is no such session.',
        param: null,
        retryable: false,
      });
      this.closeWith(1008);
      return;
    }
    session.owner = this;
    this.#session = session;
    // A sample that came in part is not stored: the client sends it again from its beginning.
    session.audio = session.audio.subarray(0, session.audio.length - (session.audio.length % SAMPLE_BYTES));
    this.say({ type: 'resumed', session: id, samples: session.audio.length / SAMPLE_BYTES });
    const from =
      last === null || last === undefined ? 0 : session.events.findIndex((event) => event.event_id === last) + 1;
    for (const event of session.events.slice(from)) this.say(event);
    if (session.isClosed) this.closeWith(1000);
  }

  #hear(audio: Buffer): void {
    this.#pending.push(audio);
    const { ackEvery = 3 } = this.#relay.script;
    if (this.#pending.length >= ackEvery) this.store();
    else if (ackEvery !== Number.POSITIVE_INFINITY)
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.store();
      }, ACK_MS);
  }

  #finish(end: 'finished' | 'cancelled'): void {
    const session = this.#session;
    if (session?.owner !== this) return;
    this.store();
    if (!session.isClosed) {
      session.isClosed = true;
      this.#tell(session, {
        type: 'closed',
        totals: { audio_ms: session.audio.length / 32, speech_ms: 0, utterances: 0, end },
      });
    }
    this.closeWith(1000);
  }

  /** An utterance for every so many samples, its text their sum. */
  #understand(session: HeldSession): void {
    for (
      let utterance = session.events.filter(({ type }) => type === 'final').length;
      (utterance + 1) * UTTERANCE_SAMPLES * SAMPLE_BYTES <= session.audio.length;
      utterance++
    ) {
      this.#tell(session, {
        type: 'final',
        utterance,
        start_ms: 0,
        end_ms: 0,
        text: textOf(session.audio, utterance),
        confidence: 1,
        words: [],
        filtered: [],
        language: null,
      });
    }
  }

  #tell(session: HeldSession, event: DistributiveOmit<Extract<ServerMessage, { event_id: string }>, 'event_id'>): void {
    const numbered = { ...event, event_id: `${String(session.events.length + 1)}-0` };
    session.events.push(numbered);
    this.say(numbered);
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** What an utterance's samples add up to: any that is lost, doubled or out of place changes it. */
export function textOf(audio: Buffer, utterance: number): string {
  let sum = 0;
  for (let i = utterance * UTTERANCE_SAMPLES; i < (utterance + 1) * UTTERANCE_SAMPLES; i++)
    sum = (sum * 31 + audio.readInt16LE(i * SAMPLE_BYTES)) % 1_000_003;
  return String(sum);
}

/** Whole utterances in so many bytes. */
export function utterancesIn(bytes: number): number {
  return Math.floor(bytes / (UTTERANCE_SAMPLES * SAMPLE_BYTES));
}
