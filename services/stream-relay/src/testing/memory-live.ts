import { randomUUID } from 'node:crypto';
import {
  AsrError,
  type LiveEvent,
  type LiveEventBody,
  type LiveSummary,
  type ModelDescription,
} from '@murmuration/contracts';
import { testModel } from '@murmuration/contracts/testing';
import type { LiveRequest, LiveService, LiveSession, WatchedSession } from '@murmuration/transcribe';

/** A session as `MemoryLive` keeps it, whoever is connected. */
export class MemorySession {
  readonly id = randomUUID();
  readonly token = randomUUID();
  readonly request: LiveRequest;
  readonly log: LiveEvent[] = [];
  samples = 0;
  keptAlive = 0;
  /** Counts connections; only the newest may write. */
  epoch = 0;
  state: 'open' | 'detached' | 'finishing' | 'closed' = 'open';
  /** While it is set, audio is taken only when it resolves. */
  held: Promise<void> | null = null;
  #wake: (() => void)[] = [];

  constructor(request: LiveRequest) {
    this.request = request;
  }

  /** Adds events, as the core would. */
  tell(body: LiveEventBody): void {
    this.log.push({ ...body, id: `${String(this.log.length + 1)}-0` });
    if (body.type === 'closed') this.state = 'closed';
    this.wake();
  }

  wake(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve);
    });
  }

  close(end: 'finished' | 'cancelled'): void {
    if (this.state !== 'closed')
      this.tell({ type: 'closed', totals: { audioMs: this.samples / 16, speechMs: 0, utterances: 0, end } });
  }

  async *events(afterId: string, signal: AbortSignal, epoch: number | null): AsyncGenerator<LiveEvent> {
    const stop = (): void => {
      this.wake();
    };
    signal.addEventListener('abort', stop);
    try {
      for (let i = Number.parseInt(afterId, 10); !signal.aborted; i++) {
        while (this.log[i] === undefined) {
          if (this.state === 'closed') return;
          await this.#woken();
          if (isAborted(signal)) return;
          if (epoch !== null && epoch !== this.epoch) throw new AsrError('session_lost');
        }
        const event = this.log[i];
        if (event === undefined) return;
        yield event;
        if (event.type === 'closed') return;
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}

/** As a function, for the compiler takes a property not to change while one waits. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

class MemoryConnection implements LiveSession {
  readonly id: string;
  readonly token: string;
  readonly settings: LiveSession['settings'];
  readonly model: ModelDescription;
  readonly #session: MemorySession;
  readonly #epoch: number;
  readonly #listeners: ((samples: number) => void)[] = [];
  #pushedMs = performance.now();

  constructor(session: MemorySession, model: ModelDescription) {
    this.#session = session;
    this.#epoch = ++session.epoch;
    this.id = session.id;
    this.token = session.token;
    this.settings = session.request.settings;
    this.model = model;
    session.wake();
  }

  get storedSamples(): number {
    return this.#session.samples;
  }

  get quietMs(): number {
    return performance.now() - this.#pushedMs;
  }

  async push(bytes: Uint8Array): Promise<void> {
    this.#pushedMs = performance.now();
    await this.#session.held;
    if (this.#session.epoch !== this.#epoch) throw new AsrError('session_lost');
    this.#session.samples += bytes.length / 2;
    for (const listener of this.#listeners) listener(Math.floor(this.#session.samples));
  }

  keepAlive(): void {
    this.#session.keptAlive += 1;
  }

  commit(): Promise<null> {
    return Promise.resolve(null);
  }

  clear(): Promise<void> {
    return Promise.resolve();
  }

  finish(): Promise<void> {
    this.#session.state = 'finishing';
    this.#session.close('finished');
    return Promise.resolve();
  }

  cancel(): Promise<void> {
    this.#session.close('cancelled');
    return Promise.resolve();
  }

  detach(): Promise<void> {
    if (this.#session.state === 'open') this.#session.state = 'detached';
    this.#session.wake();
    return Promise.resolve();
  }

  onStored(listener: (samples: number) => void): void {
    this.#listeners.push(listener);
  }

  events(afterId: string, signal: AbortSignal): AsyncIterable<LiveEvent> {
    return this.#session.events(afterId, signal, this.#epoch);
  }
}

/** A live service in one process that says what the test tells it to: real in its rules of connections and events, without audio and models. */
export class MemoryLive implements LiveService {
  readonly sessions: MemorySession[] = [];
  maxSessions = 100;

  open(request: LiveRequest): Promise<LiveSession> {
    if (request.settings.language === 'xx') return Promise.reject(new AsrError('unsupported_language'));
    if (this.sessions.filter((session) => session.state !== 'closed').length >= this.maxSessions)
      return Promise.reject(new AsrError('queue_full', undefined, { retryAfterSeconds: 5 }));
    const session = new MemorySession(request);
    this.sessions.push(session);
    return Promise.resolve(new MemoryConnection(session, MODEL));
  }

  resume(id: string, token: string, owner: string | null): Promise<LiveSession> {
    const session = this.sessions.find((one) => one.id === id);
    if (
      session === undefined ||
      session.token !== token ||
      session.request.owner !== owner ||
      session.state === 'closed'
    )
      return Promise.reject(new AsrError('invalid_resume'));
    session.state = 'open';
    return Promise.resolve(new MemoryConnection(session, MODEL));
  }

  watch(id: string, _whose: unknown, afterId: string | null, signal: AbortSignal): Promise<WatchedSession> {
    const session = this.sessions.find((one) => one.id === id);
    if (session === undefined) return Promise.reject(new AsrError('not_found'));
    return Promise.resolve({
      isClosed: session.state === 'closed',
      events: session.events(afterId ?? String(session.log.length), signal, null),
    });
  }

  erase(id: string): Promise<void> {
    const session = this.sessions.find((one) => one.id === id);
    session?.close('cancelled');
    return session === undefined ? Promise.reject(new AsrError('not_found')) : Promise.resolve();
  }

  models(): Promise<readonly ModelDescription[]> {
    return Promise.resolve([MODEL]);
  }

  list(): Promise<readonly LiveSummary[]> {
    return Promise.resolve([]);
  }
}

const MODEL = testModel({ id: 'org/memory-model', languages: ['en', 'de'] });
