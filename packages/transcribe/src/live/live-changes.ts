import { AsrError } from '@murmuration/contracts';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import {
  backendUnavailable,
  type ChangeAnswer,
  type LiveChange,
  type LiveOwner,
  type LiveRecord,
} from '@murmuration/store';
import type { LiveParts } from './live-service.js';

/** Audio of the latest changes that is kept, to store it again after a failover has lost it: about 5 s. */
const RECENT_BYTES = 160_000;

/**
 * Stores a session's changes one after another, each named and naming the one before it, and queues what they made due.
 * The latest are remembered: where a failover has lost them, they are stored again.
 */
export class LiveChanges {
  readonly #record: LiveRecord;
  readonly #parts: Pick<LiveParts, 'store' | 'queues' | 'relay'>;
  readonly #trace: string | null;
  #owner: LiveOwner;
  #opNumber = 0;
  /** Name of the last change. */
  #op: string;
  /** The latest changes, oldest first. */
  #recent: LiveChange[] = [];

  /** @param trace W3C `traceparent` that the work on its utterances belongs to, or null */
  constructor(record: LiveRecord, parts: Pick<LiveParts, 'store' | 'queues' | 'relay'>, trace: string | null) {
    this.#record = record;
    this.#parts = parts;
    this.#trace = trace;
    this.#owner = record;
    this.#op = record.op;
  }

  get owner(): LiveOwner {
    return this.#owner;
  }

  /** Stores a change, and first what was lost before it. The answer is `behind` where more was lost than is remembered. */
  async store(content: Omit<LiveChange, 'op' | 'after'>): Promise<ChangeAnswer> {
    const change = { op: `${this.#owner.holder}.${String(this.#opNumber++)}`, after: this.#op, ...content };
    this.#remember(change);
    const answer = await this.#change(change);
    return answer.outcome === 'behind' ? this.#storeAgain(answer) : answer;
  }

  /** Not waited for: what is lost here is found by the owner's look, a partial by the next one. */
  queue({ ticket, partial }: Extract<ChangeAnswer, { outcome: 'ok' }>, open: number | null): void {
    const { id, model } = this.#record;
    if (ticket !== null)
      this.#parts.queues.add(model.slug, { id, lane: 'live' }, [ticket]).catch(leaveAlone('repeated'));
    if (partial !== null && open !== null)
      this.#parts.queues
        .addPartial(model.slug, {
          session: id,
          utterance: open,
          revision: partial,
          ...(this.#trace === null ? {} : { trace: this.#trace }),
        })
        .catch(leaveAlone('repeated'));
  }

  /** Takes the session again where the store has lost that this owner took it, as in a failover. Throws `session_lost` when another one took it since. */
  async retake(): Promise<void> {
    const { store, relay } = this.#parts;
    const { id, epoch, holder } = this.#owner;
    const held = await patiently(() => store.read(id));
    if (held === null) throw sessionVanished();
    if (held.epoch >= epoch) return;
    await patiently(() => store.lease([id]));
    const taken = await within(
      // Not asked twice: where it was taken and the answer got lost, it has another epoch by now.
      store.take(id, { tokenHash: null, relay, holder, epoch: held.epoch }),
      PATIENCE_MS,
    );
    if (taken === null) throw new AsrError('session_lost');
    this.#owner = { id, epoch: taken.epoch, holder };
  }

  /** Nothing is stored again from here on. */
  forget(): void {
    this.#recent = [];
  }

  #change(change: LiveChange): Promise<ChangeAnswer> {
    return patiently(() => this.#parts.store.change(this.#owner, change));
  }

  #remember(change: LiveChange): void {
    this.#op = change.op;
    this.#recent.push(change);
    let bytes = this.#recent.reduce((sum, { pcm }) => sum + pcm.length, 0);
    while (bytes > RECENT_BYTES && this.#recent.length > 1) bytes -= this.#recent.shift()?.pcm.length ?? 0;
  }

  /** Stores again what a failover has lost. The answer to the last change is `behind` where more was lost than is remembered. */
  async #storeAgain(behind: Extract<ChangeAnswer, { outcome: 'behind' }>): Promise<ChangeAnswer> {
    if (behind.epoch < this.#owner.epoch) await this.retake();
    const lost = this.#recent.slice(this.#recent.findIndex(({ after }) => after === behind.op));
    let answer: ChangeAnswer = behind;
    for (const change of lost[0]?.after === behind.op ? lost : []) {
      answer = await this.#change(change);
      if (answer.outcome !== 'ok') break;
      this.queue(answer, null);
    }
    return answer;
  }
}

/** Where the store has no session that a relay still has: it was emptied, or nobody could reach it for as long as sessions are kept. */
export function sessionVanished(): AsrError {
  return new AsrError(
    'session_lost',
    'The store has lost the session: it was emptied or replaced. What was not final is lost. Start a new session.',
  );
}

/** How long a Redis that is away or refuses is waited for, milliseconds. */
const PATIENCE_MS = 30_000;
/** A call that Redis refused is repeated after this, milliseconds. */
const REFUSED_PAUSE_MS = 200;

/** Calls again while the store refuses, as one that is full or failing over does; a call that is repeated must do no harm. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await within(call(), Math.max(1, untilMs - performance.now()));
    } catch (error) {
      if (performance.now() + REFUSED_PAUSE_MS > untilMs) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, REFUSED_PAUSE_MS).unref();
      });
    }
  }
}

/** The answer, or `backend_unavailable` when it does not come within the time or is an error of the store. */
export async function within<T>(answer: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(backendUnavailable());
    }, limitMs);
  });
  try {
    return await Promise.race([answer, late]);
  } catch (error) {
    throw error instanceof AsrError ? error : backendUnavailable(error);
  } finally {
    clearTimeout(timer);
  }
}
