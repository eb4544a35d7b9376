import type { LiveEnd } from '@murmuration/contracts';
import type { LiveRecord } from '@murmuration/store';
import type { LiveLimits } from './live-service.js';

/** The idle warning comes this long before the end, or half-way where the time-out is short, milliseconds. */
const IDLE_WARNING_MS = 10_000;
const LONGEST_WARNING_MS = 60_000;

/** What is due on a session. */
export type LiveDue =
  | { readonly type: 'warning'; readonly code: string; readonly message: string }
  | { readonly type: 'end'; readonly end: LiveEnd };

/** Watches a session's limits: each warns once (idle again after audio), then ends it, once. */
export class LiveClock {
  readonly #idleMs: number;
  readonly #endsAtMs: number;
  readonly #longestWarningMs: number;
  #heardMs = performance.now();
  #idleWarned = false;
  #longestWarned = false;
  #ended = false;

  constructor(session: Pick<LiveRecord, 'settings' | 'ageMs'>, limits: LiveLimits) {
    this.#idleMs = session.settings.idleTimeoutMs ?? limits.idleTimeoutMs;
    this.#endsAtMs = performance.now() + limits.maxSessionMs - session.ageMs;
    this.#longestWarningMs = Math.min(LONGEST_WARNING_MS, limits.maxSessionMs / 2);
  }

  /** The client was heard of. */
  heard(): void {
    this.#heardMs = performance.now();
    this.#idleWarned = false;
  }

  /** What is due now, or null. Nothing ends without a warning, however seldom this is asked. */
  due(): LiveDue | null {
    if (this.#ended) return null;
    const leftMs = this.#endsAtMs - performance.now();
    const quietMs = performance.now() - this.#heardMs;
    if (!this.#longestWarned && leftMs <= this.#longestWarningMs) {
      this.#longestWarned = true;
      return {
        type: 'warning',
        code: 'session_ends_soon',
        message: `The session reaches its longest time in ${seconds(leftMs)}. Start another one.`,
      };
    }
    if (!this.#idleWarned && quietMs >= this.#idleMs - Math.min(IDLE_WARNING_MS, this.#idleMs / 2)) {
      this.#idleWarned = true;
      return {
        type: 'warning',
        code: 'idle_soon',
        message: `No audio came for ${seconds(quietMs)}. The session ends in ${seconds(this.#idleMs - quietMs)} unless some comes.`,
      };
    }
    if (leftMs > 0 && quietMs < this.#idleMs) return null;
    this.#ended = true;
    return { type: 'end', end: leftMs <= 0 ? 'too_long' : 'idle' };
  }
}

function seconds(ms: number): string {
  return `${String(Math.max(0, Math.round(ms / 1_000)))} s`;
}
