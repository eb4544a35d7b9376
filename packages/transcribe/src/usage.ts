import { AsrError } from '@murmuration/contracts';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { storeCall, type OwnerUsage, type UsageStore, type Used } from '@murmuration/store';

/** What could not be written is tried again this often, milliseconds. */
const RETRY_MS = 5_000;
const NOTHING: Used = { recordings: 0, recordedMs: 0, liveSessions: 0, liveMs: 0 };

/**
 * Counts what owners use, and refuses new work of one that has used up its month. Nobody waits for the counting: what Redis does not take now is
 * written later. A process that dies loses what it has not written; a write whose answer is lost may count twice.
 * What has no owner (a cluster without keys) is not counted.
 */
export class Usage {
  readonly #store: UsageStore;
  readonly #monthlyAudioSeconds: (owner: string) => number | null;
  #pending = new Map<string, Used>();
  #writing: Promise<void> | null = null;
  #retry: NodeJS.Timeout | null = null;

  /** @param monthlyAudioSeconds what an owner may use in a month, seconds, or null; asked anew each time */
  constructor(store: UsageStore, monthlyAudioSeconds: (owner: string) => number | null) {
    this.#store = store;
    this.#monthlyAudioSeconds = monthlyAudioSeconds;
  }

  /** Counts; never throws. */
  count(owner: string | null, used: Partial<Used>): void {
    if (owner === null) return;
    this.#add(owner, used);
    this.#begin();
  }

  /**
   * Throws `insufficient_quota` when the owner has used what it may in this month, and `backend_unavailable`.
   * @param ownMs what the work that asks has used itself, milliseconds: that alone does not end it
   */
  async admit(owner: string | null, ownMs = 0): Promise<void> {
    const seconds = owner === null ? null : this.#monthlyAudioSeconds(owner);
    if (owner === null || seconds === null) return;
    const [usage] = await this.of([owner]);
    if (usage === undefined || usage.month.recordedMs + usage.month.liveMs - ownMs < seconds * 1_000) return;
    throw new AsrError(
      'insufficient_quota',
      `The owner of this API key has used up its ${String(seconds)} seconds of audio for this month. The next month begins in ${String(Math.ceil(usage.monthLeftMs / 3_600_000))} hours; the operator can raise the key's quota.`,
      { retryAfterSeconds: usage.monthLeftMs / 1_000 },
    );
  }

  /** What each of the owners has used, in their order. Throws `backend_unavailable`. */
  async of(owners: readonly string[]): Promise<readonly OwnerUsage[]> {
    await this.#writing;
    return storeCall(() => this.#store.read(owners));
  }

  /** Resolves when what was counted is written, or could not be. */
  async close(): Promise<void> {
    await this.#writing;
    if (this.#retry !== null) clearTimeout(this.#retry);
    await this.#write();
  }

  #add(owner: string, used: Partial<Used>): void {
    const before = this.#pending.get(owner) ?? NOTHING;
    this.#pending.set(owner, {
      recordings: before.recordings + (used.recordings ?? 0),
      recordedMs: before.recordedMs + (used.recordedMs ?? 0),
      liveSessions: before.liveSessions + (used.liveSessions ?? 0),
      liveMs: before.liveMs + (used.liveMs ?? 0),
    });
  }

  #begin(): void {
    // While Redis does not take it, the next attempt is the timer's.
    if (this.#writing !== null || this.#retry !== null) return;
    this.#writing = this.#write().then((isWritten) => {
      this.#writing = null;
      if (isWritten) {
        if (this.#pending.size > 0) this.#begin();
        return;
      }
      this.#retry = setTimeout(() => {
        this.#retry = null;
        this.#begin();
      }, RETRY_MS).unref();
    });
  }

  /** Writes what is pending. What the store does not take is pending again; then the answer is false. */
  async #write(): Promise<boolean> {
    const writing = this.#pending;
    this.#pending = new Map();
    const written = await Promise.all(
      [...writing].map(async ([owner, used]) => {
        const isWritten = await storeCall(() => this.#store.add(owner, used)).then(
          () => true,
          leaveAlone('repeated', false),
        );
        if (!isWritten) this.#add(owner, used);
        return isWritten;
      }),
    );
    return !written.includes(false);
  }
}
