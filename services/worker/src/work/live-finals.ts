import { AsrError, SAMPLE_RATE_HZ, samplesToMs, type Recognition, type WorkTicket } from '@murmuration/contracts';
import type { LiveItem, LiveItems } from '@murmuration/store';
import type { Metrics } from '@murmuration/runtime';
import type { CancelledJobs } from './cancelled-jobs.js';
import { emptyFinal, finalBody } from './live-bodies.js';
import type { LatestFinals, PreflightTexts } from './live-partials.js';
import type { UntilStored } from './result-writer.js';
import type { ItemUser, PreparedItem } from './transcribe-items.js';

interface LiveFinalsParts {
  readonly items: LiveItems;
  readonly finals: LatestFinals;
  readonly preflights: PreflightTexts;
  readonly untilStored: UntilStored;
  readonly cancelled: CancelledJobs;
  readonly metrics: Metrics;
}

/** Utterances of live sessions. One that cannot be transcribed is told with an error and without text; its session goes on. */
export class LiveFinals implements ItemUser<LiveItem> {
  readonly usualItems = 1;
  readonly #parts: LiveFinalsParts;

  constructor(parts: LiveFinalsParts) {
    this.#parts = parts;
  }

  async take(ticket: WorkTicket): Promise<LiveItem[]> {
    const taken = await this.#parts.items.take(ticket);
    for (const { job, index } of taken) this.#parts.finals.add(job, index);
    return taken;
  }

  async prepare(item: LiveItem): Promise<PreparedItem | null> {
    const { items, preflights, untilStored } = this.#parts;
    const made = item.early ?? (await preflights.of(item.job, item.planned))?.recognition;
    if (made !== undefined) {
      await this.#give(item, made, null);
      return null;
    }
    const { pcm, missingSamples } = await untilStored.call(() => items.pcm(item));
    const lost = missingSamples === 0 ? null : lostAudio(item, missingSamples);
    if (lost !== null && missingSamples === item.planned.samples) {
      await this.fail(item, lost);
      return null;
    }
    return { pcm, options: item.decode, give: (row) => this.#give(item, row.recognition, lost) };
  }

  begin(item: LiveItem): void {
    void this.#parts.items.begin([item]);
  }

  async fail(item: LiveItem, error: AsrError): Promise<void> {
    const { items, metrics, untilStored } = this.#parts;
    const taken = await untilStored.call(() => items.give(item, emptyFinal(item), error.toRecord()));
    if (taken !== 'ok') metrics.fencedWrites.inc({ reason: taken });
  }

  crashed({ index }: LiveItem): AsrError {
    return new AsrError(
      'unprocessable_audio',
      `The model cannot work on utterance ${String(index)}: it ended the worker again and again. The session goes on without its text.`,
    );
  }

  failed({ index }: LiveItem): AsrError {
    return new AsrError(
      'transcription_failed',
      `Utterance ${String(index)} could not be transcribed. The session goes on without its text.`,
    );
  }

  async #give(item: LiveItem, recognition: Recognition, lost: AsrError | null): Promise<void> {
    const { cancelled, items, metrics, untilStored } = this.#parts;
    if (cancelled.has(item.job)) return;
    for (const { reason } of recognition.filtered) metrics.filtered.inc({ reason });
    const taken = await untilStored.call(() =>
      items.give(item, finalBody(item, recognition), lost?.toRecord() ?? null),
    );
    if (taken === 'ok') metrics.audioSeconds.inc(item.planned.samples / SAMPLE_RATE_HZ);
    else metrics.fencedWrites.inc({ reason: taken });
  }
}

function lostAudio({ planned: { utterance, samples } }: LiveItem, missingSamples: number): AsrError {
  const lost =
    missingSamples === samples ? 'The audio' : `${String(Math.round(samplesToMs(missingSamples)))} ms of the audio`;
  return new AsrError(
    'transcription_failed',
    `${lost} of utterance ${String(utterance)} was lost before it was transcribed. The session goes on without its text.`,
  );
}
