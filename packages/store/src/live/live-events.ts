import type { LiveEvent, LiveEventBody, SessionId } from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { liveKeys } from '../keys.js';
import type { WakeChannels } from './wake-channels.js';

const PAGE = 100;

/** Reads live sessions' streams; a slow reader holds one page. */
export class LiveEvents {
  readonly #redis: Redis;
  readonly #channels: WakeChannels;

  /** The connection stays the caller's. */
  constructor(redis: Redis, channels: WakeChannels) {
    this.#redis = redis;
    this.#channels = channels;
  }

  /** Id of the latest event, to read on from now. */
  async latestId(session: SessionId): Promise<string> {
    const [latest] = await this.#redis.xrevrange(liveKeys(session).events, '+', '-', 'COUNT', 1);
    return latest?.[0] ?? '0';
  }

  /** Events after `afterId` ('0' for all), in order, until `closed`, `signal`, or nothing more can come; then it returns. Throws what Redis throws. */
  async *follow(session: SessionId, afterId: string, signal: AbortSignal): AsyncGenerator<LiveEvent, void, void> {
    const keys = liveKeys(session);
    let woken = '' as string | null;
    let wake: () => void = () => undefined;
    const takeWoken = (): string | null => {
      const message = woken;
      woken = null;
      return message;
    };
    const onWake = (message: string): void => {
      if (message !== '' && message !== 'events') return;
      woken = message;
      wake();
    };
    const unlisten = this.#channels.listen(keys.wake, onWake);
    const onAbort = (): void => {
      onWake('');
    };
    signal.addEventListener('abort', onAbort);
    try {
      let last = afterId;
      let ended = false;
      while (!signal.aborted) {
        const message = takeWoken();
        const entries = await this.#redis.xrange(keys.events, `(${last}`, '+', 'COUNT', PAGE);
        for (const [id, fields] of entries) {
          const event = eventOf(id, fields);
          last = id;
          yield event;
          if (event.type === 'closed') return;
        }
        if (entries.length > 0) {
          onWake('events');
          continue;
        }
        if (message === '' && !ended) {
          const state = await this.#redis.hget(keys.session, 'state');
          if (state === null) return;
          ended = state === 'closed';
          // Its last event may have come since it was looked.
          if (ended) {
            onWake('');
            continue;
          }
        } else if (ended) {
          return;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (woken !== null) resolve();
        });
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      unlisten();
    }
  }
}

function eventOf(id: string, fields: readonly string[]): LiveEvent {
  const [, type, , body = '{}'] = fields;
  return { ...(JSON.parse(body) as object), type, id } as LiveEvent & LiveEventBody;
}
