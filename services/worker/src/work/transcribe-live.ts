import { AsrError, SAMPLE_RATE_HZ, samplesToMs, type LiveJob, type Recognition } from '@murmuration/contracts';
import { HandBack, type EarlyText, type LiveItems, type PickedFinal, type PickedPartial } from '@murmuration/store';
import type { Logger, Metrics } from '@murmuration/runtime';
import type { Batcher } from '../scheduler/batcher.js';
import type { CancelledJobs } from './cancelled-jobs.js';
import { PreflightTexts, LatestFinals } from './live-utterances.js';
import { emptyFinal, finalBody, partialBody } from './live-bodies.js';
import { samplesOf } from './pcm-samples.js';
import type { UntilStored } from './result-writer.js';

/** An utterance that crashed its worker in company is tried alone; after this many crashes in all it is given up, and its session goes on. */
const MAX_CRASHES = 3;

/** What a live session wants from the queue to its text: a final is written once, a partial only while nothing newer is there. */
export class TranscribeLive {
  readonly #items: LiveItems;
  readonly #batcher: Pick<Batcher, 'submit' | 'hasRoomForPartial'>;
  readonly #untilStored: UntilStored;
  readonly #cancelled: CancelledJobs;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #finals = new LatestFinals();
  readonly #early = new PreflightTexts();

  constructor(parts: {
    readonly items: LiveItems;
    readonly batcher: Pick<Batcher, 'submit' | 'hasRoomForPartial'>;
    readonly untilStored: UntilStored;
    readonly cancelled: CancelledJobs;
    readonly metrics: Metrics;
    readonly logger: Logger;
  }) {
    this.#items = parts.items;
    this.#batcher = parts.batcher;
    this.#untilStored = parts.untilStored;
    this.#cancelled = parts.cancelled;
    this.#metrics = parts.metrics;
    this.#logger = parts.logger;
  }

  /** Throws `HandBack` when the worker drains. */
  async handle(entry: LiveJob): Promise<void> {
    if (this.#cancelled.has(entry.session)) return;
    if (entry.revision === null) await this.#final(entry.session, entry.utterance);
    else await this.#partial(entry.session, entry.utterance, entry.revision);
  }

  async #final(session: string, utterance: number): Promise<void> {
    this.#finals.add(session, utterance);
    const picked = await this.#untilStored.call(() => this.#items.pickUpFinal(session, utterance));
    if (picked === null) return;
    this.#metrics.jobAttempts.observe(picked.fence);
    if (picked.crashes >= MAX_CRASHES) {
      await this.#giveUp(
        picked,
        new AsrError(
          'unprocessable_audio',
          `The model cannot work on utterance ${String(utterance)}: it ended the worker again and again. The session goes on without its text.`,
        ),
      );
      return;
    }
    let recognition: Recognition;
    let isShort = false;
    try {
      const made = picked.early ?? (await this.#early.of(session, picked.planned))?.recognition;
      isShort = made === undefined && picked.missingSamples > 0;
      if (isShort && picked.missingSamples === picked.planned.samples) {
        await this.#giveUp(picked, lostAudio(picked));
        return;
      }
      recognition = made ?? (await this.#recognizeFinal(picked));
    } catch (error) {
      if (error instanceof HandBack) throw error;
      if (error instanceof AsrError && error.code === 'cancelled') return;
      this.#logger.error({ err: error, session, utterance }, 'the model failed on an utterance');
      await this.#giveUp(
        picked,
        new AsrError(
          'transcription_failed',
          `Utterance ${String(utterance)} could not be transcribed. The session goes on without its text.`,
        ),
      );
      return;
    }
    if (this.#cancelled.has(session)) return;
    for (const { reason } of recognition.filtered) this.#metrics.filtered.inc({ reason });
    const taken = await this.#untilStored.call(() =>
      this.#items.finishFinal(picked, finalBody(picked, recognition), isShort ? lostAudio(picked).toRecord() : null),
    );
    if (taken === 'ok') this.#metrics.audioSeconds.inc(picked.planned.samples / SAMPLE_RATE_HZ);
    else this.#metrics.fencedWrites.inc({ reason: taken });
  }

  async #recognizeFinal(picked: PickedFinal): Promise<Recognition> {
    const { session, planned } = picked;
    return (
      await this.#batcher.submit({
        pcm: samplesOf(picked.pcm),
        options: picked.decode,
        lane: 'live',
        alone: picked.crashes > 0,
        cancelled: () => this.#cancelled.has(session),
        onRun: () => {
          this.#items.beginRun(session, planned.utterance);
        },
      })
    ).recognition;
  }

  async #partial(session: string, utterance: number, revision: number): Promise<void> {
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
    this.#early.add(session, { utterance, startSamples, samples, text });
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

  async #giveUp(picked: PickedFinal, error: AsrError): Promise<void> {
    await this.#untilStored.call(() => this.#items.finishFinal(picked, emptyFinal(picked), error.toRecord()));
  }
}

function lostAudio({ planned: { utterance, samples }, missingSamples }: PickedFinal): AsrError {
  const lost =
    missingSamples === samples ? 'The audio' : `${String(Math.round(samplesToMs(missingSamples)))} ms of the audio`;
  return new AsrError(
    'transcription_failed',
    `${lost} of utterance ${String(utterance)} was lost before it was transcribed. The session goes on without its text.`,
  );
}
