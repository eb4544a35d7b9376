import type { DetectOptions } from '@murmuration/contracts';
import { SAMPLES_PER_MS } from '@murmuration/contracts/audio-format';
import { WINDOW_SAMPLES } from './audio-window.js';

/** How far the probability must fall below the threshold before speech ends: Silero's own hysteresis. */
export const HYSTERESIS = 0.15;

/** An event of the segmenter. Positions are samples of the stream, without padding. */
export type SegmenterEvent =
  /** Speech may begin here; ends in `utterance` or `skipped`. */
  | { readonly type: 'onset'; readonly startSamples: number }
  /** The speech that began with the last onset is long enough: it will be an utterance. */
  | { readonly type: 'confirmed'; readonly startSamples: number }
  | { readonly type: 'utterance'; readonly startSamples: number; readonly endSamples: number }
  /** Too short to be speech. */
  | {
      readonly type: 'skipped';
      readonly startSamples: number;
      readonly endSamples: number;
      readonly reason: 'too_short';
    };

/** All that the segmenter remembers. */
export interface SegmenterSnapshot {
  readonly nextWindow: number;
  readonly startSamples: number | null;
  readonly pauseSamples: number | null;
  readonly confirmed: boolean;
  readonly speechEndSamples: number | null;
  /** Nothing before it begins speech; missing in snapshots of older versions. */
  readonly fromSamples?: number;
}

/**
 * Turns speech probabilities into utterances.
 *
 * - idle: a window at or above the threshold → speaking (`onset`).
 * - speaking: a window more than 0.15 below the threshold → pausing. Once as long as the minimum: `confirmed`.
 * - pausing: a window at or above the threshold → speaking; silence as long as the hangover → idle, with `utterance` when confirmed, else `skipped`.
 *   The utterance ends where the pause began. Windows between the two limits change nothing.
 * - any, `restart`: idle, without an event. Speech is found and measured from there on alone.
 */
export class UtteranceSegmenter {
  readonly #onThreshold: number;
  readonly #offThreshold: number;
  readonly #minSpeechSamples: number;
  readonly #minSilenceSamples: number;
  #nextWindow = 0;
  #startSamples: number | null = null;
  #pauseSamples: number | null = null;
  #confirmed = false;
  #speechEndSamples: number | null = null;
  #fromSamples = 0;

  constructor(
    options: Pick<DetectOptions, 'threshold' | 'minSpeechMs' | 'minSilenceMs'>,
    snapshot?: SegmenterSnapshot,
  ) {
    this.#onThreshold = options.threshold;
    // A threshold below the hysteresis still needs a limit that a window can fall under.
    this.#offThreshold = Math.max(options.threshold - HYSTERESIS, options.threshold / 2);
    this.#minSpeechSamples = options.minSpeechMs * SAMPLES_PER_MS;
    this.#minSilenceSamples = options.minSilenceMs * SAMPLES_PER_MS;
    if (snapshot === undefined) return;
    this.#nextWindow = snapshot.nextWindow;
    this.#startSamples = snapshot.startSamples;
    this.#pauseSamples = snapshot.pauseSamples;
    this.#confirmed = snapshot.confirmed;
    this.#speechEndSamples = snapshot.speechEndSamples;
    this.#fromSamples = snapshot.fromSamples ?? 0;
  }

  /** Windows seen so far. */
  get nextWindow(): number {
    return this.#nextWindow;
  }

  /** True from an onset until its utterance ended or was skipped. */
  get open(): boolean {
    return this.#startSamples !== null;
  }

  /** True when the last window belongs to speech, not to a pause or to silence. */
  get speaking(): boolean {
    return this.#startSamples !== null && this.#pauseSamples === null;
  }

  /** Where the latest speech ended (also speech that was skipped), or null before the first. Samples. */
  get speechEndSamples(): number | null {
    return this.#speechEndSamples;
  }

  /** The first window at which no utterance may be open, whatever the windows before it turn out to be. */
  get earliestIdleWindow(): number {
    if (this.#startSamples === null) return this.#nextWindow;
    const pauseSamples = this.#pauseSamples ?? this.#nextWindow * WINDOW_SAMPLES;
    return Math.ceil((pauseSamples + this.#minSilenceSamples) / WINDOW_SAMPLES);
  }

  /** Takes the next window's speech probability (0 to 1). */
  step(probability: number): SegmenterEvent[] {
    const windowStart = this.#nextWindow * WINDOW_SAMPLES;
    const windowEnd = windowStart + WINDOW_SAMPLES;
    this.#nextWindow++;
    const events: SegmenterEvent[] = [];
    if (this.#startSamples === null) {
      if (probability < this.#onThreshold || windowEnd <= this.#fromSamples) return events;
      this.#startSamples = Math.max(windowStart, this.#fromSamples);
      events.push({ type: 'onset', startSamples: this.#startSamples });
    } else if (probability >= this.#onThreshold) {
      this.#pauseSamples = null;
    } else if (probability < this.#offThreshold) {
      this.#pauseSamples ??= windowStart;
    }
    if (this.#pauseSamples === null) {
      this.#speechEndSamples = windowEnd;
      if (!this.#confirmed && windowEnd - this.#startSamples >= this.#minSpeechSamples) {
        this.#confirmed = true;
        events.push({ type: 'confirmed', startSamples: this.#startSamples });
      }
    } else if (windowEnd - this.#pauseSamples >= this.#minSilenceSamples) {
      events.push(this.#close(this.#startSamples, this.#pauseSamples));
    }
    return events;
  }

  /** Forgets what is open: speech begins at this position at the earliest. */
  restart(fromSamples: number): void {
    this.#startSamples = null;
    this.#pauseSamples = null;
    this.#confirmed = false;
    this.#fromSamples = fromSamples;
  }

  /** Ends what is open, at the end of the stream. */
  finish(totalSamples: number): SegmenterEvent[] {
    if (this.#startSamples === null) return [];
    return [this.#close(this.#startSamples, Math.min(this.#pauseSamples ?? totalSamples, totalSamples))];
  }

  snapshot(): SegmenterSnapshot {
    return {
      nextWindow: this.#nextWindow,
      startSamples: this.#startSamples,
      pauseSamples: this.#pauseSamples,
      confirmed: this.#confirmed,
      speechEndSamples: this.#speechEndSamples,
      fromSamples: this.#fromSamples,
    };
  }

  #close(startSamples: number, endSamples: number): SegmenterEvent {
    const confirmed = this.#confirmed;
    this.#startSamples = null;
    this.#pauseSamples = null;
    this.#confirmed = false;
    return confirmed
      ? { type: 'utterance', startSamples, endSamples }
      : { type: 'skipped', startSamples, endSamples, reason: 'too_short' };
  }
}
