import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { Redis } from '../connections.js';

type Listener = (message: string) => void;

/** Channels of many listeners over one subscription connection. */
export class WakeChannels {
  readonly #subscriber: Redis;
  readonly #listeners = new Map<string, Set<Listener>>();

  /** The connection stays the caller's. */
  constructor(subscriber: Redis) {
    this.#subscriber = subscriber;
    subscriber.on('message', (channel: string, message: string) => {
      for (const listener of [...(this.#listeners.get(channel) ?? [])]) listener(message);
    });
    // What was published while the connection was away is found by looking once more.
    subscriber.on('ready', () => {
      this.wakeAll();
    });
  }

  /** Calls back with every message, and with '' when something may have been missed. Answers what ends it. */
  listen(channel: string, listener: Listener): () => void {
    let listeners = this.#listeners.get(channel);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(channel, listeners);
      // What was published before the subscription held may be missed, too.
      this.#subscriber.subscribe(channel).then(
        () => {
          for (const each of [...(this.#listeners.get(channel) ?? [])]) each('');
        },
        () => undefined,
      );
    }
    const own = listeners;
    own.add(listener);
    return () => {
      own.delete(listener);
      if (own.size > 0 || this.#listeners.get(channel) !== own) return;
      this.#listeners.delete(channel);
      this.#subscriber.unsubscribe(channel).catch(leaveAlone('best_effort'));
    };
  }

  /** Tells every listener that something may have been missed. */
  wakeAll(): void {
    for (const listeners of [...this.#listeners.values()]) for (const listener of [...listeners]) listener('');
  }
}
