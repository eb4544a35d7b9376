import { AsrError, samplesToMs } from '@murmuration/contracts';
import type { LiveOwner, TicketPlace } from '@murmuration/store';
import type { LiveParts } from './live-service.js';

/** A sender may be this far ahead of the workers: audio of ended utterances that are not final, milliseconds. */
const MAX_PENDING_MS = 30_000;
/** Without any final for this long, entries of the queue are looked after, milliseconds. */
const QUIET_MS = 4_000;
/** A finished session is looked after for this long without a final, milliseconds. Only while Redis answers. */
const FINISH_MS = 5 * 60_000;

/** What the finals are awaited of. */
export interface Awaiting {
  readonly session: LiveOwner;
  readonly modelSlug: string;
  /** Audio of ended utterances that are not final, milliseconds: counted with each change, and set from what the store says. */
  readonly recorder: { pendingMs: number };
  /** Called when that may have become less. */
  readonly onPending: () => void;
}

/** The finals of a session that are to come. Where none comes for a while, their entries of the queue may be lost: then they are queued again. */
export class AwaitedFinals {
  readonly #parts: Pick<LiveParts, 'store' | 'queues' | 'limits'>;
  readonly #of: Awaiting;
  #progressMs = performance.now();
  /** Looks since the last final came. */
  #quietLooks = 0;

  constructor(parts: Pick<LiveParts, 'store' | 'queues' | 'limits'>, of: Awaiting) {
    this.#parts = parts;
    this.#of = of;
  }

  /** True when the sender must wait for the workers. */
  get holdUp(): boolean {
    return this.#of.recorder.pendingMs > MAX_PENDING_MS;
  }

  /** The recorder has counted anew. */
  progressed(): void {
    this.#progressMs = performance.now();
  }

  /** Takes what the store says is pending. */
  arePending(samples: number): void {
    const { recorder, onPending } = this.#of;
    const ms = samplesToMs(samples);
    if (ms !== recorder.pendingMs) {
      this.progressed();
      this.#quietLooks = 0;
    }
    recorder.pendingMs = ms;
    onPending();
  }

  /** Asks the store what is pending. */
  async read(): Promise<void> {
    this.arePending(await this.#parts.store.pendingSamples(this.#of.session.id));
  }

  /**
   * Queues again what is awaited and makes no progress; what is on the queue stays as it is.
   * @param isEnding true when nothing is awaited but finals
   * @returns the session's tickets once finals have been awaited in vain for so long that it is to end without them; else null
   */
  async look(isEnding: boolean): Promise<readonly TicketPlace[] | null> {
    if (!this.#isQuiet()) return null;
    await this.read();
    if (!this.#isQuiet()) return null;
    this.progressed();
    const { session, modelSlug } = this.#of;
    const tickets = await this.#parts.store.tickets(session.id);
    if (isEnding && ++this.#quietLooks > (this.#parts.limits.finishMs ?? FINISH_MS) / QUIET_MS) return tickets;
    await this.#parts.queues.add(modelSlug, { id: session.id, lane: 'live' }, tickets);
    return null;
  }

  #isQuiet(): boolean {
    return this.#of.recorder.pendingMs > 0 && performance.now() - this.#progressMs > QUIET_MS;
  }
}

/** Where a session ends without finals that are awaited. */
export function finalsInVain(): AsrError {
  return new AsrError(
    'no_worker',
    'No worker has transcribed the last utterances in time. The session ends without their text.',
  );
}
