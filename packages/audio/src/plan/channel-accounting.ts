import type { Accounting } from '@murmuration/contracts';
import { SAMPLES_PER_MS } from '@murmuration/contracts/audio-format';

/** Entries that the account of a channel lists at most; what comes after them counts as non-speech. */
export const MAX_SKIPPED_ENTRIES = 10_000;

type Skipped = Accounting['skipped'][number];

/**
 * Where every sample of one channel went: speech (utterances as detected, without padding, pauses inside them included), skipped, or non-speech
 * (all the rest). Milliseconds are sixteenths, exact in binary, so the three sum exactly to the duration.
 */
export class ChannelAccounting {
  readonly #channel: number;
  readonly #skipped: Skipped[] = [];
  #speechSamples = 0;
  #skippedSamples = 0;
  #unlisted = 0;

  constructor(channel: number) {
    this.#channel = channel;
  }

  /** Skipped stretches beyond the length of the list. */
  get unlisted(): number {
    return this.#unlisted;
  }

  addSpeech(startSamples: number, endSamples: number): void {
    this.#speechSamples += endSamples - startSamples;
  }

  addSkipped(startSamples: number, endSamples: number, reason: string): void {
    if (this.#skipped.length >= MAX_SKIPPED_ENTRIES) {
      this.#unlisted++;
      return;
    }
    this.#skippedSamples += endSamples - startSamples;
    this.#skipped.push({
      startMs: startSamples / SAMPLES_PER_MS,
      endMs: endSamples / SAMPLES_PER_MS,
      channel: this.#channel,
      reason,
    });
  }

  /** The account of a channel that was `totalSamples` long. */
  close(totalSamples: number): Accounting {
    return {
      speechMs: this.#speechSamples / SAMPLES_PER_MS,
      nonSpeechMs: (totalSamples - this.#speechSamples - this.#skippedSamples) / SAMPLES_PER_MS,
      skipped: this.#skipped,
    };
  }
}

/** The account of a recording from those of its channels. */
export function sumAccounts(accounts: readonly Accounting[]): Accounting {
  return {
    speechMs: accounts.reduce((sum, account) => sum + account.speechMs, 0),
    nonSpeechMs: accounts.reduce((sum, account) => sum + account.nonSpeechMs, 0),
    skipped: accounts
      .flatMap((account) => account.skipped)
      .sort((a, b) => a.startMs - b.startMs || a.channel - b.channel),
  };
}
