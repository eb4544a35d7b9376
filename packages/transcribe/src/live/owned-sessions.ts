import type { SharedPlaces } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { ATTRIBUTE, NO_TRACING, SPAN, type Tracing } from '@murmuration/runtime';
import { TroubleLog, type LiveRecord, type LiveStore } from '@murmuration/store';
import type { Usage } from '../usage.js';
import { ActiveLiveSession } from './active-live-session.js';
import type { LiveParts } from './live-service.js';
import { newHolder } from './new-session.js';

/** Sessions are looked after this often, milliseconds: how late limits of time are noticed. */
const LOOK_EVERY_MS = 1_000;
/** Owners renew this often; measured in looks. */
const RENEW_EVERY_LOOKS = 5;
/** Orphans are looked for this often; measured in looks. */
const SWEEP_EVERY_LOOKS = 2;
/** Orphans that one sweep takes, so that several relays share those of one that died. */
const ORPHANS_AT_ONCE = 10;

/** What the sessions of a relay are counted and traced with. */
export interface OwnedSessionsOptions {
  readonly usage?: Pick<Usage, 'count'>;
  readonly tracing?: Tracing;
}

/** The live sessions that a relay owns. Looks after them: limits of time, renewal, and sessions whose relay has died, which are finished here. */
export class OwnedSessions {
  readonly #parts: LiveParts;
  /** On a connection that gives up quickly. */
  readonly #impatientStore: LiveStore;
  readonly #places: SharedPlaces;
  readonly #options: OwnedSessionsOptions;
  readonly #sessions = new Map<string, ActiveLiveSession>();
  readonly #timer: NodeJS.Timeout;
  readonly #trouble: TroubleLog;
  #looks = 0;
  #looking: Promise<void> | null = null;
  #stopping = false;

  constructor(parts: LiveParts, impatientStore: LiveStore, places: SharedPlaces, options: OwnedSessionsOptions) {
    this.#parts = parts;
    this.#impatientStore = impatientStore;
    this.#places = places;
    this.#options = options;
    this.#trouble = new TroubleLog(parts.logger, 'looking after live sessions');
    this.#timer = setInterval(() => {
      this.#look();
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  get size(): number {
    return this.#sessions.size;
  }

  get isStopping(): boolean {
    return this.#stopping;
  }

  get(id: string): ActiveLiveSession | undefined {
    return this.#sessions.get(id);
  }

  /** @param leave gives the session's place free; called once it ends */
  own(record: LiveRecord, token: string, leave: () => void, trace: string | null = null): ActiveLiveSession {
    const span = (this.#options.tracing ?? NO_TRACING).start(SPAN.liveSession, {
      parent: trace,
      attributes: { [ATTRIBUTE.job]: record.id, [ATTRIBUTE.lane]: 'live', [ATTRIBUTE.model]: record.model.id },
    });
    const onEnd = (ended: ActiveLiveSession): void => {
      span.set({ [ATTRIBUTE.audioSeconds]: ended.audioMs / 1_000 });
      span.end();
      this.#count(ended);
      leave();
      if (this.#sessions.get(ended.id) === ended) this.#sessions.delete(ended.id);
    };
    const session = new ActiveLiveSession(record, token, this.#parts, onEnd, span.traceparent);
    if (record.state !== 'closed') this.#sessions.set(session.id, session);
    return session;
  }

  /** Takes no more orphans. */
  refuse(): void {
    this.#stopping = true;
  }

  /** Hands off all sessions: each can be resumed on any other relay at once. */
  async detach(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.detach()));
  }

  /** Looks no more. To be called before the last `detach`. */
  stopLooking(): void {
    clearInterval(this.#timer);
  }

  /** Waits for the look that is under way, then fails what is left. */
  async close(): Promise<void> {
    await this.#looking;
    for (const session of this.#sessions.values()) session.fail(new AsrError('shutting_down'));
  }

  /** One timer for all sessions. */
  #look(): void {
    // While Redis is away a look may take long.
    if (this.#looking !== null) return;
    const looks = this.#looks++;
    this.#looking = this.#lookAt(looks)
      .then(
        () => {
          this.#trouble.over();
        },
        (error: unknown) => {
          this.#trouble.met(error instanceof Error ? error : new Error(String(error)));
        },
      )
      .finally(() => {
        this.#looking = null;
      });
  }

  async #lookAt(looks: number): Promise<void> {
    const sessions = [...this.#sessions.values()];
    // One session's trouble keeps no other from being renewed.
    const looked = await Promise.allSettled(sessions.map((session) => session.look()));
    if (looks % RENEW_EVERY_LOOKS === 0) {
      const answers = await this.#parts.store.renew(sessions);
      sessions.forEach((session, at) => {
        session.renewed(answers[at] ?? 'absent');
        this.#count(session);
      });
    }
    if (looks % SWEEP_EVERY_LOOKS === 0 && !this.#stopping) await this.#finishOrphans();
    for (const each of looked) if (each.status === 'rejected') throw each.reason;
  }

  /** While a session goes on, so that a relay that dies takes little of it along. */
  #count(session: ActiveLiveSession): void {
    const liveMs = session.takeUncountedMs();
    if (liveMs > 0) this.#options.usage?.count(session.owner, { liveMs });
  }

  async #finishOrphans(): Promise<void> {
    for (const { id, epoch } of await this.#impatientStore.overdue(ORPHANS_AT_ONCE)) {
      // One that this relay owns is about to be renewed.
      if (this.#sessions.has(id)) continue;
      const record = await this.#impatientStore.take(id, {
        tokenHash: null,
        relay: this.#parts.relay,
        holder: newHolder(),
        epoch,
        toFinish: true,
      });
      if (record === null) continue;
      if (record.state === 'closed') {
        await this.#impatientStore.forget(id);
        continue;
      }
      await this.#impatientStore.lease([id]);
      // It is finished whether there is a place or not.
      const session = this.own(record, '', this.#places.take(record.owner) ?? (() => undefined));
      if (record.state === 'open') session.finish('abandoned').catch(leaveAlone('repeated'));
    }
  }
}
