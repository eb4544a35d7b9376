import type { WantedPartial } from '@murmuration/contracts';
import { HandBack, type EarlyText, type LiveItems, type PickedPartial } from '@murmuration/store';
import type { Batcher } from '../scheduler/batcher.js';
import type { CancelledJobs } from './cancelled-jobs.js';
import { partialBody } from './live-bodies.js';
import type { LatestFinals, PreflightTexts } from './live-utterances.js';
import { samplesOf } from './transcribe-items.js';

interface LivePartialsParts {
  readonly items: Pick<LiveItems, 'pickUpPartial' | 'finishPartial'>;
  readonly batcher: Pick<Batcher, 'submit' | 'hasRoomForPartial'>;
  readonly finals: LatestFinals;
  readonly preflights: PreflightTexts;
  readonly cancelled: CancelledJobs;
}

/** Partials, which are no work items: one is worth something only while nothing newer is there, so none is counted, fenced or tried again. */
export class LivePartials {
  readonly #items: LivePartialsParts['items'];
  readonly #batcher: LivePartialsParts['batcher'];
  readonly #finals: LatestFinals;
  readonly #preflights: PreflightTexts;
  readonly #cancelled: CancelledJobs;

  constructor({ items, batcher, finals, preflights, cancelled }: LivePartialsParts) {
    this.#items = items;
    this.#batcher = batcher;
    this.#finals = finals;
    this.#preflights = preflights;
    this.#cancelled = cancelled;
  }

  /** Throws `HandBack` when the worker drains. */
  async handle({ session, utterance, revision }: WantedPartial): Promise<void> {
    const overtaken = (): boolean => this.#cancelled.has(session) || this.#finals.reached(session, utterance);
    if (overtaken()) return;
    const picked = await this.#items.pickUpPartial(session, utterance, revision);
    if (picked === null) return;
    if (picked.resting) {
      await this.#resting(picked);
      return;
    }
    if (!this.#batcher.hasRoomForPartial) {
      // The session asks again when more was said.
      await this.#items.finishPartial(picked, null);
      return;
    }
    try {
      const { recognition } = await this.#batcher.submit({
        pcm: samplesOf(picked.pcm),
        options: picked.decode,
        lane: 'live',
        partial: true,
        alone: false,
        cancelled: overtaken,
        onRun: () => undefined,
      });
      await this.#items.finishPartial(picked, overtaken() ? null : partialBody(picked, recognition));
    } catch (error) {
      if (error instanceof HandBack) throw error;
      // The utterance's final tells what is wrong with it, if anything is.
      await this.#items.finishPartial(picked, null);
    }
  }

  /** The utterance may be over: what comes of it is its final's text if it is, and as urgent. */
  async #resting(picked: PickedPartial): Promise<void> {
    const { session, utterance, startSamples } = picked;
    const samples = picked.endSamples - startSamples;
    const row = this.#batcher.submit({
      pcm: samplesOf(picked.pcm),
      options: picked.decode,
      lane: 'live',
      alone: false,
      cancelled: () => this.#cancelled.has(session),
      onRun: () => undefined,
    });
    const text = row.then(
      ({ recognition }): EarlyText => ({ utterance, startSamples, samples, recognition }),
      () => null,
    );
    this.#preflights.add(session, { utterance, startSamples, samples, text });
    const early = await text;
    await this.#items.finishPartial(
      picked,
      early !== null && picked.interim ? partialBody(picked, early.recognition) : null,
      early,
    );
    if (early === null)
      await row.catch((error: unknown) => {
        if (error instanceof HandBack) throw error;
      });
  }
}
