import type { Reach } from '@murmuration/access';
import type { LiveSegmenters } from '@murmuration/audio';
import type { LiveEvent, LiveSettings, LiveSummary, ModelDescription } from '@murmuration/contracts';
import type { Logger } from '@murmuration/runtime';
import type { LiveEvents, LiveStore, TicketQueues, WakeChannels } from '@murmuration/store';

/** A client's connection to a live session, whatever dialect it speaks. */
export interface LiveSession {
  readonly id: string;
  /** Secret that lets its holder resume the session. */
  readonly token: string;
  readonly settings: LiveSettings;
  readonly model: ModelDescription;
  /** Samples a channel, at the client's rate (48,000 Hz for opus), that are safely stored, from the session's start. */
  readonly storedSamples: number;
  /** How long no audio has come, milliseconds by this process' clock; negative while what came at once would still be playing. */
  readonly quietMs: number;
  /**
   * Takes audio as it comes, cut anywhere. Resolves when the session is ready for more: wait for it before reading on, so that a fast sender is slowed.
   * After `finish` what is pushed is dropped.
   * Throws `unprocessable_audio` for a container that cannot be read (the session then finishes by itself, and its events go on), `session_lost` when another connection has taken the session over.
   */
  push(bytes: Uint8Array): Promise<void>;
  /** The client is there, though it sends no audio: the idle time starts again. */
  keepAlive(): void;
  /** Ends the open utterance now (all audio since the last one where `detect` is off); answers its number, or null when there was nothing. */
  commit(): Promise<number | null>;
  /** Drops audio that is in no ended utterance yet. */
  clear(): Promise<void>;
  /** No more audio: flushes, and `closed` follows the last final. */
  finish(): Promise<void>;
  /** Ends at once; what is not final is dropped. */
  cancel(): Promise<void>;
  /** The client is gone: the session stays `SESSION_GRACE` for it to resume, then is finished. */
  detach(): Promise<void>;
  /** Calls back whenever more samples are stored. */
  onStored(listener: (samples: number) => void): void;
  /**
   * Events after `afterId` ('0' for all), then as it comes, until `closed` or `signal`; where that was told before, until there is nothing more. One or many readers.
   * Throws `session_lost` when another connection has taken the session over or the store has lost it, `shutting_down` when this relay handed it over, `backend_unavailable` when Redis is away for long.
   */
  events(afterId: string, signal: AbortSignal): AsyncIterable<LiveEvent>;
}

/** A session as a viewer has it. */
export interface WatchedSession {
  /** It had closed when the watching began: what is kept comes, and nothing more. */
  readonly isClosed: boolean;
  readonly events: AsyncIterable<LiveEvent>;
}

export interface LiveRequest {
  readonly settings: LiveSettings;
  readonly owner: string | null;
  /** W3C `traceparent` of the client, or null. */
  readonly trace?: string | null;
  /** Aborting gives up waiting for a first worker. */
  readonly signal: AbortSignal;
}

/** What the relays use. Implemented by `Live`. All throw `backend_unavailable`. */
export interface LiveService {
  /** Throws `model_not_found`, `no_worker`, `unsupported_language`, `queue_full` (too many sessions), `insufficient_quota`, `shutting_down`. */
  open(request: LiveRequest): Promise<LiveSession>;
  /** Takes the session over, wherever it was; whoever had it is told `session_lost`. A session that has closed can be read for half of `ERASE_WITHIN_MS`. Throws `invalid_resume` for a wrong token or an unknown session: the same for both, so that nothing can be guessed. */
  resume(id: string, token: string, owner: string | null, trace?: string | null): Promise<LiveSession>;
  /** As `LiveSession.events`, for viewers. `afterId` null: from now. Throws `not_found`. */
  watch(id: string, whose: Reach, afterId: string | null, signal: AbortSignal): Promise<WatchedSession>;
  /** Deletes a session of the cluster, whatever its state: it closes at once, and nothing of it stays. Throws `not_found`. */
  erase(id: string, whose: Reach): Promise<void>;
  /** What is served now, the default model first. Throws `no_worker`. */
  models(): Promise<readonly ModelDescription[]>;
  /** Sessions of the whole cluster that have not closed. */
  list(whose: Reach): Promise<readonly LiveSummary[]>;
}

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
