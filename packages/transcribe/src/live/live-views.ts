import { AsrError, type LiveState, type LiveSummary } from '@murmuration/contracts';
import type { Reach } from '@murmuration/access';
import { storeCall, type TicketQueues, type LiveEvents, type LiveStore, type WakeChannels } from '@murmuration/store';
import { followLiveEvents } from '../follow-events.js';
import type { LiveService, WatchedSession } from './live-service.js';

/** Readers look by themselves this often, in case a wake-up was lost. */
const LOOK_EVERY_MS = 15_000;

/** Live sessions as any node sees them, whether it owns some or none. */
export class LiveViews implements Pick<LiveService, 'watch' | 'list' | 'erase'> {
  readonly #store: LiveStore;
  readonly #events: LiveEvents;
  readonly #queues: TicketQueues;
  readonly #timer: NodeJS.Timeout;

  /** All are on connections that stay the caller's. */
  constructor(store: LiveStore, events: LiveEvents, channels: WakeChannels, queues: TicketQueues) {
    this.#queues = queues;
    this.#store = store;
    this.#events = events;
    this.#timer = setInterval(() => {
      channels.wakeAll();
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  async watch(id: string, whose: Reach, afterId: string | null, signal: AbortSignal): Promise<WatchedSession> {
    const held = await this.#find(id, whose);
    const after = afterId ?? (await storeCall(() => this.#events.latestId(id)));
    return { isClosed: held.state === 'closed', events: followLiveEvents(this.#events, id, after, signal) };
  }

  async erase(id: string, whose: Reach): Promise<void> {
    await this.#find(id, whose);
    const erased = await storeCall(() => this.#store.erase(id));
    if (erased !== null) await this.#queues.remove(erased.modelSlug, id, erased.tickets);
  }

  async list(whose: Reach): Promise<readonly LiveSummary[]> {
    return storeCall(() => this.#store.list(whose));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #find(id: string, whose: Reach): Promise<{ readonly state: LiveState }> {
    const held = isSessionId(id) ? await storeCall(() => this.#store.glance(id)) : null;
    if (held === null || (whose !== 'everybody' && held.owner !== whose.owner)) throw new AsrError('not_found');
    return held;
  }
}

/** True for what may be the id of a session: a UUID. */
export function isSessionId(id: string): boolean {
  return /^[0-9a-f-]{36}$/.test(id);
}
