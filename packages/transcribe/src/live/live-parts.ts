import type { LiveSegmenters } from '@murmuration/audio';
import type { TicketQueues, LiveEvents, LiveStore, WakeChannels } from '@murmuration/store';
import type { Logger } from '@murmuration/runtime';

/** Bounds on live sessions. */
export interface LiveLimits {
  /** Sessions that a relay owns at once; one more is refused with `queue_full`. */
  readonly maxSessions: number;
  /** Without audio for this long a session ends, unless it sets its own. */
  readonly idleTimeoutMs: number;
  readonly maxSessionMs: number;
  /** Without audio for this long, or `endpointingMs` where that is longer, an utterance in progress ends, unless the session sets its own. */
  readonly idleEndpointingMs: number;
  /** A session whose client is gone is kept this long, then finished. */
  readonly graceMs: number;
  /** A finished session whose finals make no progress for this long is closed with an error; default five minutes. */
  readonly finishMs?: number;
}

/** What a session's owner works with; all of it the node's. */
export interface LiveParts {
  /** Name of this relay. */
  readonly relay: string;
  /** On a connection that waits for Redis. */
  readonly store: LiveStore;
  readonly events: LiveEvents;
  readonly channels: WakeChannels;
  readonly queues: TicketQueues;
  readonly segmenters: LiveSegmenters;
  readonly limits: LiveLimits;
  readonly logger: Logger;
}
