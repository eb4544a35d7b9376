import { AsrError, type LiveSummary, type ModelDescription } from '@murmuration/contracts';
import { SharedPlaces, type Reach } from '@murmuration/access';
import { LiveSegmenters } from '@murmuration/audio';
import {
  TicketQueues,
  LiveEvents,
  LiveStore,
  storeCall,
  impatientConnection,
  patientConnection,
  whenReady,
  type LiveRecord,
  type Redis,
  type RedisAddress,
  type WakeChannels,
} from '@murmuration/store';
import type { Logger, Tracing } from '@murmuration/runtime';
import { chooseModel } from '../choose-model.js';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { ModelRegistry } from '../model-registry.js';
import type { Usage } from '../usage.js';
import { ERASE_WITHIN_MS } from '../jobs/jobs-runtime.js';
import type { ActiveLiveSession } from './active-live-session.js';
import type { LiveLimits, LiveParts, LiveRequest, LiveService, LiveSession, WatchedSession } from './live-service.js';
import { LiveViews, isSessionId } from './live-views.js';
import { newHolder, newSession, newToken, sha256, unheard } from './new-session.js';
import { OwnedSessions } from './owned-sessions.js';

export interface LiveOptions {
  readonly redis: RedisAddress;
  /** The node's subscription; stays the caller's. */
  readonly channels: WakeChannels;
  /** Name of this relay, as lists show it. */
  readonly relay: string;
  readonly defaultModel: string | null;
  /** The node's: a session that waits for the first worker of its model wakes it as other work does. */
  readonly registry: ModelRegistry;
  /** Longest wait for a first worker. */
  readonly workerWaitMs: number;
  readonly speech: { readonly threads: number; readonly vadModelPath: string };
  readonly limits: LiveLimits;
  /** How many owners may come: those share the sessions of this relay. As many as like, unless given. */
  readonly owners?: () => number;
  /** Counts what owners use, and refuses new sessions of one that has used up its month. */
  readonly usage?: Pick<Usage, 'count' | 'admit'>;
  /** After this nothing is left of a session that has closed, milliseconds; five minutes unless given. */
  readonly eraseWithinMs?: number;
  /** Off unless given. */
  readonly tracing?: Tracing;
  readonly logger: Logger;
}

/** A session counts as orphaned this long after its last renewal, and its grace; milliseconds. Two renewals may be missed. */
const RENEWAL_SLACK_MS = 10_000;
/**
 * Keys of a session outlive its last renewal by this at least, milliseconds: an outage in which nobody could renew. It is only for what nobody will ever finish,
 * for a session is finished by some relay once its grace is over, and then goes with its end.
 */
const MIN_KEEP_MS = 24 * 3_600_000;
/** A start waits this long for Redis, milliseconds, and goes on without: clients are told when it is away. */
const REDIS_WAIT_MS = 2_000;
/** When a client that found every place taken is to ask again, seconds: sessions end at any time. */
const FULL_RETRY_S = 5;

/** Live sessions of one relay: opened, resumed and handed off. Those that it owns are looked after in `OwnedSessions`. */
export class Live implements LiveService {
  readonly #options: LiveOptions;
  readonly #impatient: Redis;
  readonly #patient: Redis;
  readonly #registry: ModelRegistry;
  /** On a connection that gives up quickly. */
  readonly #impatientStore: LiveStore;
  readonly #parts: LiveParts;
  readonly #views: LiveViews;
  readonly #owned: OwnedSessions;
  /** Of the sessions here and those on their way in. */
  readonly #places: SharedPlaces;

  private constructor(
    options: LiveOptions,
    connections: { readonly impatient: Redis; readonly patient: Redis },
    segmenters: LiveSegmenters,
  ) {
    this.#options = options;
    this.#places = new SharedPlaces(options.limits.maxSessions, options.owners ?? (() => Infinity));
    this.#impatient = connections.impatient;
    this.#patient = connections.patient;
    this.#registry = options.registry;
    const keepMs = Math.max(MIN_KEEP_MS, options.limits.graceMs * 3);
    // The rest of the time is for Redis' files.
    const closedKeepMs = Math.round((options.eraseWithinMs ?? ERASE_WITHIN_MS) / 2);
    const { channels } = options;
    const times = { keepMs, closedKeepMs, leaseMs: options.limits.graceMs + RENEWAL_SLACK_MS };
    this.#impatientStore = new LiveStore(this.#impatient, times);
    this.#parts = {
      relay: options.relay,
      segmenters,
      channels,
      limits: options.limits,
      logger: options.logger,
      store: new LiveStore(this.#patient, times),
      events: new LiveEvents(this.#impatient, channels),
      queues: new TicketQueues(this.#patient),
    };
    this.#views = new LiveViews(this.#impatientStore, this.#parts.events, channels, this.#parts.queues);
    this.#owned = new OwnedSessions(this.#parts, this.#impatientStore, this.#places, options);
  }

  /** Connects and loads the detector. Does not wait for Redis: clients are told when it is away. Throws when the detector's model is missing. */
  static async start(options: LiveOptions): Promise<Live> {
    const segmenters = await LiveSegmenters.start(options.speech);
    const { redis, logger } = options;
    const impatient = impatientConnection(redis, logger);
    const live = new Live(options, { impatient, patient: patientConnection(redis, logger) }, segmenters);
    await whenReady(impatient, REDIS_WAIT_MS).catch(leaveAlone('repeated'));
    return live;
  }

  /** Sessions that this relay owns. */
  get owned(): number {
    return this.#owned.size;
  }

  async open(request: LiveRequest): Promise<LiveSession> {
    return this.#placed(request.owner, () => this.#create(request), request.trace);
  }

  async #create({
    settings,
    owner,
    signal,
  }: LiveRequest): Promise<{ readonly record: LiveRecord; readonly token: string }> {
    const { model } = await this.#registry.resolve(settings.model, this.#options.workerWaitMs, signal);
    this.#refuseWhenStopping();
    await this.#options.usage?.admit(owner);
    const token = newToken();
    const session = newSession({
      settings,
      owner,
      model,
      tokenHash: sha256(token),
      relay: this.#options.relay,
      idleEndpointingMs: this.#options.limits.idleEndpointingMs,
    });
    await storeCall(() => this.#impatientStore.create(session));
    this.#options.usage?.count(owner, { liveSessions: 1 });
    return { record: unheard(session), token };
  }

  async resume(id: string, token: string, owner: string | null, trace: string | null = null): Promise<LiveSession> {
    if (!isSessionId(id)) throw new AsrError('invalid_resume');
    const tokenHash = sha256(token);
    return this.#placed(owner, async () => ({ record: await this.#take(id, tokenHash, owner), token }), trace);
  }

  async #take(id: string, tokenHash: string, owner: string | null): Promise<LiveRecord> {
    const record = await storeCall(async () => {
      const held = await this.#impatientStore.glance(id);
      if (held?.tokenHash !== tokenHash || held.owner !== owner) return null;
      // Before it is taken: a relay that looks for orphans then finds that it is none.
      await this.#impatientStore.lease([id]);
      return this.#impatientStore.take(id, { tokenHash, owner, relay: this.#options.relay, holder: newHolder() });
    });
    if (record === null) throw new AsrError('invalid_resume');
    this.#owned.get(id)?.fail(new AsrError('session_lost'));
    return record;
  }

  watch(id: string, whose: Reach, afterId: string | null, signal: AbortSignal): Promise<WatchedSession> {
    return this.#views.watch(id, whose, afterId, signal);
  }

  erase(id: string, whose: Reach): Promise<void> {
    return this.#views.erase(id, whose);
  }

  async models(): Promise<readonly ModelDescription[]> {
    const cards = await this.#registry.cards();
    const { id } = chooseModel(null, cards, this.#options.defaultModel).model;
    const models = cards.models.map((card) => card.model);
    return [...models.filter((model) => model.id === id), ...models.filter((model) => model.id !== id)];
  }

  list(whose: Reach): Promise<readonly LiveSummary[]> {
    return this.#views.list(whose);
  }

  /** Takes no more sessions; those that are here go on. */
  refuse(): void {
    this.#owned.refuse();
  }

  /** Takes no more sessions and hands off all that are here: each can be resumed on any other relay at once. */
  async drain(): Promise<void> {
    this.refuse();
    await this.#owned.detach();
  }

  /** Drains, then ends threads and connections. */
  async close(): Promise<void> {
    this.#owned.stopLooking();
    this.#views.close();
    await this.drain();
    await this.#owned.close();
    await this.#parts.segmenters.close();
    await this.#parts.queues.close().catch(leaveAlone('closing'));
    this.#patient.disconnect();
    this.#impatient.disconnect();
  }

  /** Does what leads to one session more, whose place is taken meanwhile, so that many at once are no more than one by one. */
  async #placed(
    owner: string | null,
    work: () => Promise<{ readonly record: LiveRecord; readonly token: string }>,
    trace: string | null = null,
  ): Promise<ActiveLiveSession> {
    this.#refuseWhenStopping();
    const leave = this.#places.take(owner);
    if (leave === null)
      throw new AsrError(
        'queue_full',
        "The relay has as many live sessions as it takes, or as many as it takes of one API key's owner while they are scarce. Try again soon.",
        { retryAfterSeconds: FULL_RETRY_S },
      );
    try {
      const { record, token } = await work();
      return this.#owned.own(record, token, leave, trace);
    } catch (error) {
      leave();
      throw error;
    }
  }

  #refuseWhenStopping(): void {
    if (this.#owned.isStopping) throw new AsrError('shutting_down');
  }
}
