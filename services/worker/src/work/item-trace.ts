import { AsrError, SAMPLE_RATE_HZ, type Lane } from '@murmuration/contracts';
import { HandBack, attemptOf, type HeldItem } from '@murmuration/store';
import { ATTRIBUTE, NO_SPAN, SPAN, type TraceSpan, type Tracing } from '@murmuration/runtime';
import type { RowResult } from '../scheduler/batcher.js';

/** Bytes of a second of 16-bit audio. */
const SECOND_BYTES = SAMPLE_RATE_HZ * 2;

/**
 * The spans of one item at this worker: `queue` --its batch begins--> `transcribe` --recognized or failed--> `result` --stored--> ended.
 * Nothing of it is made where tracing is off here or was off where the item was queued. An item that is tried again in a smaller batch has a `transcribe` for each try.
 */
export class ItemTrace {
  readonly #tracing: Tracing;
  readonly #item: HeldItem;
  readonly #about: { readonly lane: Lane; readonly model: string };
  readonly #on: boolean;
  #queue: TraceSpan | null;
  #span: TraceSpan = NO_SPAN;
  readonly #queuedMs: number;

  constructor(tracing: Tracing, item: HeldItem, about: { readonly lane: Lane; readonly model: string }) {
    this.#tracing = tracing;
    this.#item = item;
    this.#about = about;
    this.#on = tracing.on && item.trace !== undefined;
    this.#queuedMs = this.#on ? Date.now() - item.waitedMs : 0;
    this.#queue = this.#on ? this.#start(SPAN.queue, item.trace ?? null, this.#queuedMs) : null;
  }

  /** The trace's id for a log line, where there is one. */
  get logged(): { readonly traceId?: string } {
    return this.#span.traceId === null ? {} : { traceId: this.#span.traceId };
  }

  /** It needs no run: its text was there before, or it has failed. */
  withoutRun(): void {
    this.#queue?.set({ [ATTRIBUTE.outcome]: 'no_run' });
    this.#queue?.end();
  }

  /** Its batch begins. @param bytes of its audio, 16 bit */
  begin(bytes: number): TraceSpan | undefined {
    if (!this.#on) return undefined;
    this.#queue?.end();
    this.#queue = null;
    this.#span.end();
    this.#span = this.#start(SPAN.transcribe, this.#item.trace ?? null);
    this.#span.set({
      [ATTRIBUTE.audioSeconds]: bytes / SECOND_BYTES,
      [ATTRIBUTE.queueSeconds]: (Date.now() - this.#queuedMs) / 1_000,
      [ATTRIBUTE.attempt]: attemptOf(this.#item),
    });
    return this.#span;
  }

  transcribed({ recognition, batchSize }: RowResult): void {
    if (!this.#on) return;
    this.#span.set({
      [ATTRIBUTE.batchRows]: batchSize,
      [ATTRIBUTE.emptyResult]: recognition.segments.length === 0,
      [ATTRIBUTE.filtered]: recognition.filtered.length,
    });
    this.#span.end();
  }

  failed(error: unknown): void {
    if (!this.#on) return;
    const code = error instanceof HandBack ? 'handed_back' : AsrError.from(error).code;
    this.#queue?.end(code);
    this.#span.end(code);
  }

  /** Follows the storing of the result. */
  async stored(storing: Promise<void>): Promise<void> {
    if (!this.#on) {
      await storing;
      return;
    }
    const span = this.#start(SPAN.result, this.#span.traceparent);
    try {
      await storing;
      span.end();
    } catch (error) {
      span.end(AsrError.from(error).code);
      throw error;
    }
  }

  #start(name: string, parent: string | null, startMs?: number): TraceSpan {
    return this.#tracing.start(name, {
      parent,
      ...(startMs === undefined ? {} : { startMs }),
      attributes: {
        [ATTRIBUTE.job]: this.#item.job,
        [ATTRIBUTE.item]: this.#item.index,
        [ATTRIBUTE.lane]: this.#about.lane,
        [ATTRIBUTE.model]: this.#about.model,
      },
    });
  }
}
