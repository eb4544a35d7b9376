import { countedRateHz, frameBytes } from '@murmuration/audio';
import { AsrError, type LiveEnd, type LiveNews, type LiveSettings, type ModelDescription } from '@murmuration/contracts';
import { backendUnavailable, liveWakeChannel, type LiveRecord } from '@murmuration/queue';
import { followNews } from './follow-news.js';
import { LiveInbox } from './live-inbox.js';
import { LiveClock } from './live-clock.js';
import type { LiveParts } from './live-parts.js';
import { LiveRecorder } from './live-recorder.js';
import type { LiveSession } from './live-service.js';
import { within } from './within.js';

/** Changes of a session follow each other no faster than this, so that small frames are stored together, milliseconds … */
const GAP_MS = 60;
/** … unless this much audio waits. */
const HASTE_MS = 100;
/** Heard and stored in one change at most. */
const PIECE_MS = 2_000;
/** A sender may be this far ahead of the store. */
const AHEAD_MS = 500;
/** … and this far ahead of the workers: audio of ended utterances that are not final. */
const MAX_PENDING_MS = 30_000;
/** Compressed audio counts as this many bytes a second. */
const CONTAINER_BYTES_A_SECOND = 16_000;
/** Without any final for this long, entries of the queue are looked after, milliseconds. */
const QUIET_MS = 4_000;
/** Longest wait for what is under way when the client is gone, milliseconds. */
const DETACH_LIMIT_MS = 5_000;

/**
 * A live session as its owner has it.
 *
 * open (audio and commands come and are worked on one after another)
 *   -> finishing (no more audio; finals are awaited) -> closed (the last final was told)
 * open -> left (detached or drained: what was stored waits for the next owner)
 * From any: lost (`session_lost`: another owner has it; or an error that ends the connection, told by every call from then on), closed (`cancel`).
 */
export class ActiveLiveSession implements LiveSession {
  readonly id: string;
  readonly token: string;
  readonly settings: LiveSettings;
  readonly model: ModelDescription;
  readonly epoch: number;
  readonly clock: LiveClock;
  readonly #parts: LiveParts;
  readonly #recorder: LiveRecorder;
  readonly #inbox: LiveInbox;
  readonly #bytesAMs: number;
  readonly #onEnd: (session: ActiveLiveSession) => void;
  readonly #ended = new AbortController();
  readonly #storedListeners: ((samples: number) => void)[] = [];
  readonly #unlisten: () => void;
  #state: 'open' | 'finishing' | 'left' | 'lost' | 'closed';
  #fault: AsrError | null = null;
  #pumping: Promise<void> | null = null;
  #lastChangeMs = -Infinity;
  #waiters: (() => void)[] = [];
  /** Settle the commands that will not be done. */
  readonly #commands = new Set<() => void>();
  #hurry: () => void = () => undefined;
  #progressMs = performance.now();

  /** @param record as taken over or created by this relay @param onEnd called once when there is nothing left to own */
  constructor(record: LiveRecord, token: string, parts: LiveParts, onEnd: (session: ActiveLiveSession) => void) {
    this.id = record.id;
    this.token = token;
    this.settings = record.settings;
    this.model = record.model;
    this.epoch = record.epoch;
    this.clock = new LiveClock(record, parts.limits);
    this.#parts = parts;
    this.#recorder = new LiveRecorder(record, parts);
    this.#onEnd = onEnd;
    const frame = frameBytes(record.settings);
    this.#bytesAMs = (frame === null ? CONTAINER_BYTES_A_SECOND : frame * countedRateHz(record.settings)) / 1_000;
    this.#inbox = new LiveInbox(frame ?? 1, Math.ceil(this.#bytesAMs * PIECE_MS));
    this.#state = record.state === 'closed' ? 'closed' : record.state === 'finishing' ? 'finishing' : 'open';
    this.#unlisten = parts.channels.listen(liveWakeChannel(this.id), (message) => { this.#onMessage(message); });
    if (this.#state === 'closed') this.#leave();
  }

  get storedSamples(): number {
    return this.#recorder.sourceSamples;
  }

  async push(bytes: Uint8Array): Promise<void> {
    this.#check();
    if (this.#state !== 'open') return;
    this.clock.heard();
    this.#inbox.addBytes(bytes);
    this.#pump();
    if (this.#inbox.bytes >= this.#bytesAMs * HASTE_MS) this.#hurry();
    while (this.#isOpen() && (this.#inbox.bytes > this.#bytesAMs * AHEAD_MS || this.#recorder.pendingMs > MAX_PENDING_MS)) {
      await new Promise<void>((resolve) => { this.#waiters.push(resolve); });
    }
    this.#check();
  }

  keepAlive(): void {
    this.clock.heard();
  }

  async commit(): Promise<number | null> {
    return await this.#command(() => this.#recorder.commit()) ?? null;
  }

  async clear(): Promise<void> {
    await this.#command(() => this.#recorder.clear());
  }

  async finish(end: LiveEnd = 'finished'): Promise<void> {
    await this.#command(async () => {
      await this.#recorder.finish(end);
      this.#state = this.#recorder.closed ? 'closed' : 'finishing';
      this.#dropTasks();
      if (this.#recorder.closed) this.#leave();
    });
  }

  async cancel(): Promise<void> {
    this.#check();
    if (this.#state === 'closed' || this.#state === 'left') return;
    this.#state = 'closed';
    this.#dropTasks();
    this.#wakeAll();
    await this.#pumping;
    const open = await within(this.#parts.store.openFinals(this.id), DETACH_LIMIT_MS);
    await within(this.#parts.store.close(this.id, this.epoch, 'cancelled'), DETACH_LIMIT_MS);
    this.#leave();
    await this.#parts.queues.removeFinals(this.model.slug, this.id, open);
  }

  async detach(): Promise<void> {
    if (this.#state !== 'open') return;
    // What has arrived is still stored, so that less must be sent again.
    await within(this.#command(() => Promise.resolve()), DETACH_LIMIT_MS).catch(() => undefined);
    if (!this.#isOpen()) return;
    this.#state = 'left';
    this.#leave();
    await within(this.#parts.store.release(this.id, this.epoch, Date.now() + this.#parts.limits.graceMs), DETACH_LIMIT_MS).catch(() => undefined);
  }

  onStored(listener: (samples: number) => void): void {
    this.#storedListeners.push(listener);
  }

  async *news(afterId: string, signal: AbortSignal): AsyncGenerator<LiveNews, void, void> {
    // A closed session can still be read.
    const until = this.#state === 'closed' && this.#fault === null ? signal : AbortSignal.any([signal, this.#ended.signal]);
    yield* followNews(this.#parts.events, this.id, afterId, until);
    if (!signal.aborted && this.#fault !== null) throw this.#fault;
  }

  /** Another connection has the session, or it cannot go on here. */
  fail(error: AsrError): void {
    if (this.#fault !== null || this.#state === 'left' || this.#state === 'closed') return;
    this.#fault = error;
    this.#state = 'lost';
    this.#dropTasks();
    this.#leave();
    this.#ended.abort();
  }

  /** Called by the node every second: limits, and entries that were lost. */
  async look(): Promise<void> {
    if (this.#state !== 'open' && this.#state !== 'finishing') return;
    if (this.#state === 'open') {
      // While the sender is held up it cannot send.
      if (this.#waiters.length > 0) this.clock.heard();
      const due = this.clock.due();
      if (due?.type === 'warning') await this.#parts.store.tell(this.id, this.epoch, 'warning', { code: due.code, message: due.message });
      if (due?.type === 'end') await this.finish(due.end);
    }
    if (this.#recorder.pendingMs > 0 && performance.now() - this.#progressMs > QUIET_MS) {
      await this.#refreshPending();
      if (this.#recorder.pendingMs === 0) return;
      this.#progressMs = performance.now();
      const open = await this.#parts.store.openFinals(this.id);
      await this.#parts.queues.addLive(this.model.slug, open.map((utterance) => ({ session: this.id, utterance, revision: null })));
    }
  }

  /** Called with what the store says at a renewal. */
  renewed(answer: 'lost' | 'gone' | { readonly pendingSamples: number }): void {
    if (answer === 'lost') this.fail(new AsrError('session_lost'));
    else if (answer === 'gone') this.#close();
    else this.#recorder.pendingMs = answer.pendingSamples / 16;
  }

  #isOpen(): boolean {
    return this.#state === 'open';
  }

  #check(): void {
    if (this.#fault !== null) throw this.#fault;
  }

  async #command<T>(work: () => Promise<T>): Promise<T | undefined> {
    this.#check();
    if (this.#state !== 'open') return undefined;
    return new Promise<T | undefined>((resolve, reject) => {
      const giveUp = (): void => {
        if (this.#fault === null) resolve(undefined);
        else reject(this.#fault);
      };
      this.#commands.add(giveUp);
      this.#inbox.addCommand(async () => {
        try {
          resolve(await work());
        } catch (error) {
          reject(AsrError.from(error));
          throw error;
        } finally {
          this.#commands.delete(giveUp);
        }
      });
      this.#pump();
      this.#hurry();
    });
  }

  #pump(): void {
    if (this.#pumping !== null || !this.#isOpen() || !this.#inbox.ready) return;
    this.#pumping = this.#run().catch((error: unknown) => this.#onError(AsrError.from(error))).finally(() => {
      this.#pumping = null;
      this.#wakeAll();
      this.#pump();
    });
  }

  async #run(): Promise<void> {
    while (this.#isOpen() && this.#inbox.ready) {
      await this.#pause();
      while (this.#isOpen() && this.#recorder.pendingMs > MAX_PENDING_MS) await new Promise<void>((resolve) => { this.#waiters.push(resolve); });
      const task = this.#isOpen() ? this.#inbox.take() : null;
      if (task === null) return;
      this.#lastChangeMs = performance.now();
      const before = this.#recorder.pendingMs;
      if ('bytes' in task) {
        await this.#recorder.hear(task.bytes);
        for (const listener of this.#storedListeners) listener(this.storedSamples);
      } else {
        await task.command();
      }
      if (this.#recorder.pendingMs !== before) this.#progressMs = performance.now();
      this.#wakeAll();
      if (this.#recorder.closed) this.#close();
    }
  }

  /** Waits a moment for more, unless there is enough. */
  async #pause(): Promise<void> {
    const waitMs = this.#lastChangeMs + GAP_MS - performance.now();
    if (waitMs <= 0 || this.#inbox.hasCommand || this.#inbox.bytes >= this.#bytesAMs * HASTE_MS) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#hurry = () => { clearTimeout(timer); resolve(); };
    });
    this.#hurry = () => undefined;
  }

  /** Bad audio ends the session, with what came before it transcribed; anything else only this connection. */
  async #onError(error: AsrError): Promise<void> {
    if (error.code === 'unprocessable_audio') {
      await this.#parts.store.tell(this.id, this.epoch, 'error', { error: error.toRecord() }).catch(() => false);
      await this.#recorder.finish('failed').catch(() => undefined);
      this.fail(error);
      return;
    }
    this.#parts.logger.warn({ session: this.id, code: error.code }, 'a live session cannot go on here');
    this.fail(error.code === 'session_lost' ? error : backendUnavailable(error));
  }

  #onMessage(message: string): void {
    if (message.startsWith('epoch ')) {
      if (Number(message.slice(6)) > this.epoch) this.fail(new AsrError('session_lost'));
      return;
    }
    // Finals make room for a sender that is held up.
    if (this.#waiters.length > 0 && this.#recorder.pendingMs > MAX_PENDING_MS) this.#refreshPending().catch(() => undefined);
  }

  async #refreshPending(): Promise<void> {
    const pendingMs = await this.#parts.store.pendingSamples(this.id) / 16;
    if (pendingMs !== this.#recorder.pendingMs) this.#progressMs = performance.now();
    this.#recorder.pendingMs = pendingMs;
    this.#wakeAll();
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#leave();
  }

  #dropTasks(): void {
    this.#inbox.clear();
    for (const giveUp of this.#commands) giveUp();
    this.#commands.clear();
  }

  /** Nothing is owned any more. */
  #leave(): void {
    this.#unlisten();
    this.#recorder.close();
    this.#dropTasks();
    this.#wakeAll();
    this.#onEnd(this);
    if (this.#state === 'left') this.#ended.abort();
  }

  #wakeAll(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
