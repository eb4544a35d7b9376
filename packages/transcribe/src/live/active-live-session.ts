import { AsrError, type LiveEnd, type LiveEvent } from '@murmuration/contracts';
import {
  backendUnavailable,
  liveWakeChannel,
  type LiveOwner,
  type LiveRecord,
  type RenewAnswer,
  type TicketPlace,
} from '@murmuration/store';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { AwaitedFinals, finalsInVain } from './awaited-finals.js';
import { followLiveEvents } from '../follow-events.js';
import { LiveAudio } from './live-audio.js';
import { LiveClock } from './live-clock.js';
import { sessionVanished, within } from './live-changes.js';
import type { LiveParts, LiveSession } from './live-service.js';
import { LiveRecorder } from './live-recorder.js';

/** Longest wait for what is under way when the client is gone, milliseconds. */
const DETACH_LIMIT_MS = 5_000;

/**
 * A live session as its owner has it: its life. What comes from the client is worked on in `LiveAudio`.
 *
 * open (audio and commands come and are worked on one after another)
 *   -> finishing (no more audio; finals are awaited) -> closed (the last final was told)
 * open -> left (detached or drained: what was stored waits for the next owner)
 * open -> finishing, too, at audio that cannot be read: an `error` is told, and `push` throws it from then on.
 * From any: lost (`session_lost`: another owner has it, or the store has none; or an error that ends the connection, told by every call from then on), closed (`cancel`).
 */
export class ActiveLiveSession implements LiveSession, LiveOwner {
  readonly id: string;
  readonly owner: string | null;
  readonly token: string;
  readonly settings: LiveSession['settings'];
  readonly model: LiveSession['model'];
  readonly #parts: LiveParts;
  readonly #recorder: LiveRecorder;
  readonly #audio: LiveAudio;
  readonly #clock: LiveClock;
  readonly #finals: AwaitedFinals;
  readonly #onEnd: (session: ActiveLiveSession) => void;
  /** Ends what is read of the session, where its end is not among its events. */
  readonly #unread = new AbortController();
  readonly #unlisten: () => void;
  #state: 'open' | 'finishing' | 'left' | 'lost' | 'closed';
  #fault: AsrError | null = null;
  #finishAsked = false;

  /** @param record as taken over or created by this relay @param onEnd called once when there is nothing left to own @param trace W3C `traceparent` that work on its utterances belongs to */
  constructor(
    record: LiveRecord,
    token: string,
    parts: LiveParts,
    onEnd: (session: ActiveLiveSession) => void,
    trace: string | null = null,
  ) {
    this.id = record.id;
    this.token = token;
    this.settings = record.settings;
    this.model = record.model;
    this.#parts = parts;
    this.#recorder = new LiveRecorder(record, parts, trace);
    this.#clock = new LiveClock(record, parts.limits);
    this.#finals = new AwaitedFinals(parts, {
      session: this,
      modelSlug: record.model.slug,
      recorder: this.#recorder,
      onPending: () => {
        this.#audio.wake();
      },
    });
    this.owner = record.owner;
    this.#onEnd = onEnd;
    this.#audio = new LiveAudio({
      session: this,
      recorder: this.#recorder,
      clock: this.#clock,
      finals: this.#finals,
      store: parts.store,
      isOpen: () => this.#state === 'open',
      check: this.#check,
      onClosed: this.#close,
      onError: (error) => this.#onError(error),
    });
    this.#state = record.state === 'closed' ? 'closed' : record.state === 'finishing' ? 'finishing' : 'open';
    this.#unlisten = parts.channels.listen(liveWakeChannel(this.id), (message) => {
      this.#onMessage(message);
    });
    if (this.#state !== 'open') this.#audio.stop();
    if (this.#state === 'closed') this.#leave();
    // Whoever had the session before may have left an utterance in progress.
    this.#audio.expectPause();
  }

  /** As its owner, to the store. */
  get epoch(): number {
    return this.#recorder.owner.epoch;
  }

  get holder(): string {
    return this.#recorder.owner.holder;
  }

  /** Audio that it has stored, milliseconds. */
  get audioMs(): number {
    return this.#recorder.audioMs;
  }

  /** Audio that it has stored since this was last asked here, milliseconds. */
  takeUncountedMs(): number {
    return this.#recorder.takeUncountedMs();
  }

  get storedSamples(): number {
    return this.#recorder.sourceSamples;
  }

  get quietMs(): number {
    return this.#audio.quietMs;
  }

  push(bytes: Uint8Array): Promise<void> {
    return this.#audio.push(bytes);
  }

  keepAlive(): void {
    this.#clock.heard();
  }

  async commit(): Promise<number | null> {
    return (await this.#audio.command(() => this.#recorder.commit())) ?? null;
  }

  async clear(): Promise<void> {
    await this.#audio.command(() => this.#recorder.clear());
  }

  async finish(end: LiveEnd = 'finished'): Promise<void> {
    this.#finishAsked = true;
    await this.#audio.command(() => this.#finish(end));
  }

  async cancel(): Promise<void> {
    this.#check();
    if (this.#state === 'closed' || this.#state === 'left') return;
    this.#state = 'closed';
    this.#audio.stop();
    await this.#audio.settled();
    const tickets = await within(this.#parts.store.tickets(this.id), DETACH_LIMIT_MS);
    await within(this.#parts.store.close(this, 'cancelled'), DETACH_LIMIT_MS);
    this.#leave();
    await this.#parts.queues.remove(this.model.slug, this.id, tickets);
  }

  async detach(): Promise<void> {
    // What has arrived is still stored, so that less must be sent again.
    await within(this.#audio.drained(), DETACH_LIMIT_MS).catch(leaveAlone('closing'));
    if (this.#state !== 'open' && this.#state !== 'finishing') return;
    this.#state = 'left';
    this.#leave();
    this.#unread.abort();
    await within(this.#parts.store.release(this, this.#parts.limits.graceMs), DETACH_LIMIT_MS).catch(
      leaveAlone('best_effort'),
    );
  }

  onStored(listener: (samples: number) => void): void {
    this.#audio.onStored(listener);
  }

  async *events(afterId: string, signal: AbortSignal): AsyncGenerator<LiveEvent, void, void> {
    const { events } = this.#parts;
    for await (const event of followLiveEvents(
      events,
      this.id,
      afterId,
      AbortSignal.any([signal, this.#unread.signal]),
    )) {
      // Its place is free before its client hears of the end; without a reader the next renewal frees it.
      if (event.type === 'closed') this.#close();
      yield event;
      if (event.type === 'closed') return;
    }
    if (signal.aborted) return;
    this.#check();
    // Its relay has handed the session over.
    if (this.#state === 'left')
      throw new AsrError('shutting_down', 'This relay stops. Connect again and resume.', { retryAfterSeconds: 0 });
    // Where it has closed, its end was told before.
    if (this.#state === 'closed') return;
    if ((await within(this.#parts.store.glance(this.id), DETACH_LIMIT_MS)) === null) this.fail(sessionVanished());
    else this.#close();
    this.#check();
  }

  /** Another connection has the session, or it cannot go on here. */
  fail(error: AsrError): void {
    if (this.#fault !== null || this.#state === 'left' || this.#state === 'closed') return;
    this.#fault = error;
    this.#state = 'lost';
    this.#leave();
    this.#unread.abort();
  }

  /** Called by the node every second: limits, and entries that were lost. */
  async look(): Promise<void> {
    if (this.#state === 'open') {
      // While the sender is held up it cannot send.
      if (this.#audio.isSenderWaiting) this.#clock.heard();
      const due = this.#clock.due();
      if (due?.type === 'warning')
        await this.#parts.store.tell(this, 'warning', { code: due.code, message: due.message });
      // Not waited for: it comes after all audio that waits, and that may wait for finals that this look is to find.
      if (due?.type === 'end') this.finish(due.end).catch(leaveAlone('repeated'));
    }
    const inVain = await this.#finals.look(this.#finishAsked || this.#state === 'finishing');
    if (inVain !== null) await this.#giveUp(inVain);
  }

  /** Called with what the store says at a renewal. */
  renewed(answer: RenewAnswer): void {
    if (answer === 'lost') this.fail(new AsrError('session_lost'));
    else if (answer === 'gone') this.#close();
    else if (answer === 'absent') this.fail(sessionVanished());
    else if (answer === 'behind') this.#audio.command(() => this.#recorder.retake()).catch(leaveAlone('repeated'));
    else this.#finals.arePending(answer.pendingSamples);
  }

  readonly #check = (): void => {
    if (this.#fault !== null) throw this.#fault;
  };

  async #finish(end: LiveEnd): Promise<void> {
    await this.#recorder.finish(end);
    if (this.#recorder.closed) {
      this.#close();
      return;
    }
    this.#state = 'finishing';
    this.#audio.stop();
  }

  /** Bad audio ends the session, with what came before it transcribed; anything else only this connection. */
  async #onError(error: AsrError): Promise<void> {
    try {
      if (error.code !== 'unprocessable_audio') throw error;
      this.#audio.refuse(error);
      await within(this.#parts.store.tell(this, 'error', { error: error.toRecord() }), DETACH_LIMIT_MS);
      await this.#finish('failed');
    } catch (other) {
      const told = AsrError.from(other);
      this.#parts.logger.warn(
        { session: this.id, code: told.code, reason: told.cause instanceof Error ? told.cause.message : undefined },
        'a live session cannot go on here',
      );
      this.fail(told.code === 'session_lost' ? told : backendUnavailable(told));
    }
  }

  #onMessage(message: string): void {
    if (message.startsWith('epoch ')) {
      // Its own taking comes here, too, and after a failover one that the store has lost: the store says who has it.
      if (message.split(' ')[2] !== this.holder)
        void this.#parts.store.renew([this]).then(
          ([answer = 'absent']) => {
            this.renewed(answer);
          },
          () => undefined,
        );
      return;
    }
    // Finals make room for a sender that is held up.
    if (this.#finals.holdUp) this.#finals.read().catch(leaveAlone('repeated'));
  }

  /** No worker has given a final for long: the session ends without those that are awaited. */
  async #giveUp(tickets: readonly TicketPlace[]): Promise<void> {
    await this.#parts.store.tell(this, 'error', { error: finalsInVain().toRecord() });
    await this.#parts.store.close(this, 'failed');
    this.#close();
    await this.#parts.queues.remove(this.model.slug, this.id, tickets);
  }

  readonly #close = (): void => {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#leave();
  };

  /** Nothing is owned any more. */
  #leave(): void {
    this.#unlisten();
    this.#audio.close();
    this.#recorder.close();
    this.#onEnd(this);
  }
}
