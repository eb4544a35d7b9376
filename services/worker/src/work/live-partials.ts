import {
  AsrError,
  SAMPLE_RATE_HZ,
  type SessionId,
  type UtteranceNumber,
  type WantedPartial,
} from '@murmuration/contracts';
import { ATTRIBUTE, NO_SPAN, SPAN, type TraceSpan, type Tracing } from '@murmuration/runtime';
import { type EarlyText, HandBack, type LiveItems, type PickedPartial } from '@murmuration/store';
import type { Batcher } from '../scheduler/batcher.js';
import type { CancelledJobs } from './cancelled-jobs.js';
import { partialBody } from './live-bodies.js';
import { samplesOf } from './transcribe-items.js';

interface LivePartialsParts {
  readonly items: Pick<LiveItems, 'pickUpPartial' | 'finishPartial'>;
  readonly batcher: Pick<Batcher, 'submit' | 'hasRoomForPartial'>;
  readonly finals: LatestFinals;
  readonly preflights: PreflightTexts;
  readonly cancelled: CancelledJobs;
  readonly tracing: Tracing;
  /** Name of the model, for spans. */
  readonly model: string;
}

/** Partials, which are no work items: one is worth something only while nothing newer is there, so none is counted, fenced or tried again. */
export class LivePartials {
  readonly #items: LivePartialsParts['items'];
  readonly #batcher: LivePartialsParts['batcher'];
  readonly #finals: LatestFinals;
  readonly #preflights: PreflightTexts;
  readonly #cancelled: CancelledJobs;
  readonly #tracing: Tracing;
  readonly #model: string;

  constructor({ items, batcher, finals, preflights, cancelled, tracing, model }: LivePartialsParts) {
    this.#tracing = tracing;
    this.#model = model;
    this.#items = items;
    this.#batcher = batcher;
    this.#finals = finals;
    this.#preflights = preflights;
    this.#cancelled = cancelled;
  }

  /** Throws `HandBack` when the worker drains. */
  async handle({ session, utterance, revision, trace }: WantedPartial): Promise<void> {
    const overtaken = (): boolean => this.#cancelled.has(session) || this.#finals.reached(session, utterance);
    if (overtaken()) return;
    const picked = await this.#items.pickUpPartial(session, utterance, revision);
    if (picked === null) return;
    const span = trace === undefined ? NO_SPAN : this.#span(picked, trace);
    if (picked.resting) {
      await this.#resting(picked, span);
      return;
    }
    if (!this.#batcher.hasRoomForPartial) {
      endAs(span, 'no_room');
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
        onRun: () => memberOf(span),
      });
      const told = await this.#items.finishPartial(picked, overtaken() ? null : partialBody(picked, recognition));
      endAs(span, told ? 'told' : 'overtaken');
    } catch (error) {
      span.end(codeOf(error));
      if (error instanceof HandBack) throw error;
      // The utterance's final tells what is wrong with it, if anything is.
      await this.#items.finishPartial(picked, null);
    }
  }

  /** The utterance may be over: what comes of it is its final's text if it is, and as urgent. */
  async #resting(picked: PickedPartial, span: TraceSpan): Promise<void> {
    const { session, utterance, startSamples } = picked;
    const samples = picked.endSamples - startSamples;
    const row = this.#batcher.submit({
      pcm: samplesOf(picked.pcm),
      options: picked.decode,
      lane: 'live',
      alone: false,
      cancelled: () => this.#cancelled.has(session),
      onRun: () => memberOf(span),
    });
    const text = row.then(
      ({ recognition }): EarlyText => ({ utterance, startSamples, samples, recognition }),
      () => null,
    );
    this.#preflights.add(session, { utterance, startSamples, samples, text });
    const early = await text;
    const told = await this.#items.finishPartial(
      picked,
      early !== null && picked.interim ? partialBody(picked, early.recognition) : null,
      early,
    );
    if (early === null)
      await row.catch((error: unknown) => {
        span.end(codeOf(error));
        if (error instanceof HandBack) throw error;
      });
    else endAs(span, told ? 'told' : 'kept');
  }

  #span({ session, utterance, pcm }: PickedPartial, parent: string): TraceSpan {
    return this.#tracing.start(SPAN.partial, {
      parent,
      attributes: {
        [ATTRIBUTE.job]: session,
        [ATTRIBUTE.item]: utterance,
        [ATTRIBUTE.lane]: 'live',
        [ATTRIBUTE.model]: this.#model,
        [ATTRIBUTE.audioSeconds]: pcm.length / 2 / SAMPLE_RATE_HZ,
      },
    });
  }
}

/** What the batch points at; nothing where there is no trace. */
function memberOf(span: TraceSpan): TraceSpan | undefined {
  return span.traceparent === null ? undefined : span;
}

function endAs(span: TraceSpan, outcome: 'told' | 'overtaken' | 'kept' | 'no_room'): void {
  span.set({ [ATTRIBUTE.outcome]: outcome });
  span.end();
}

function codeOf(error: unknown): string {
  return error instanceof HandBack ? 'handed_back' : AsrError.from(error).code;
}

interface Running {
  readonly utterance: UtteranceNumber;
  readonly startSamples: number;
  readonly samples: number;
  readonly text: Promise<EarlyText | null>;
}

/**
 * Utterances that rest and are recognized in this worker now, one a session: the final of such an utterance waits for that
 * instead of computing the same again.
 */
export class PreflightTexts {
  readonly #running = new Map<string, Running>();

  /** `text` must not reject. */
  add(session: SessionId, running: Running): void {
    this.#running.set(session, running);
    void running.text.then(() => {
      if (this.#running.get(session) === running) this.#running.delete(session);
    });
  }

  /** What is being made of this very audio, or null. */
  of(
    session: SessionId,
    planned: { readonly utterance: UtteranceNumber; readonly startSamples: number; readonly samples: number },
  ): Promise<EarlyText | null> | null {
    const running = this.#running.get(session);
    return running?.utterance === planned.utterance &&
      running.startSamples === planned.startSamples &&
      running.samples === planned.samples
      ? running.text
      : null;
  }
}

/** The latest utterance of each session whose final this worker has picked up: partials up to it are of no use any more. Bounded, oldest forgotten first. */
export class LatestFinals {
  readonly #utterances = new Map<string, number>();
  readonly #limit: number;

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  add(session: SessionId, utterance: UtteranceNumber): void {
    const latest = Math.max(utterance, this.#utterances.get(session) ?? -1);
    // Set anew, so that it is the youngest.
    this.#utterances.delete(session);
    this.#utterances.set(session, latest);
    if (this.#utterances.size <= this.#limit) return;
    for (const oldest of this.#utterances.keys()) {
      this.#utterances.delete(oldest);
      return;
    }
  }

  /** True when the utterance's own final, or that of a later one, was picked up here. */
  reached(session: SessionId, utterance: UtteranceNumber): boolean {
    return (this.#utterances.get(session) ?? -1) >= utterance;
  }
}
