/** Names of spans. Each says where it is made; docs/operations.md lists them for operators. */
export const SPAN = {
  /** API node: a recording read, searched for speech and queued; from its first byte to its last chunk. */
  intake: 'intake',
  /** Worker: a chunk or an utterance waits, from queued to the beginning of its batch. */
  queue: 'queue',
  /** Worker: a chunk or an utterance in its batch. */
  transcribe: 'transcribe',
  /** Worker: one run of the model, a trace of its own with a link to the `transcribe` or `partial` of every member. */
  batch: 'batch',
  /** Worker: the result of a chunk or an utterance is stored. */
  result: 'result',
  /** Worker: a partial of a live session, or the text of an utterance that rests, from picked up to told. */
  partial: 'partial',
  /** API node: results become the transcript. */
  assemble: 'assemble',
  /** API node: one attempt at a webhook. */
  webhook: 'webhook',
  /** Relay: a live session as one relay has it. */
  liveSession: 'live session',
} as const;

/** Names of attributes of spans. Values are numbers, booleans, ids, codes and names of models: never audio, text, file names, prompts, URLs or keys. */
export const ATTRIBUTE = {
  /** Id of the job or the live session. */
  job: 'murmuration.job.id',
  /** `live`, `interactive` or `batch`. */
  lane: 'murmuration.lane',
  model: 'murmuration.model',
  /** Number of the chunk or the utterance. */
  item: 'murmuration.item',
  /** Times that the chunk was handed out. */
  attempt: 'murmuration.attempt',
  audioSeconds: 'murmuration.audio.seconds',
  speechSeconds: 'murmuration.audio.speech_seconds',
  chunks: 'murmuration.chunks',
  queueSeconds: 'murmuration.queue.seconds',
  batchRows: 'murmuration.batch.rows',
  paddedSeconds: 'murmuration.batch.padded_seconds',
  /** True where no text came of it. */
  emptyResult: 'murmuration.result.empty',
  /** Pieces of text that a filter took away. */
  filtered: 'murmuration.result.filtered',
  /** `ok`, or why the result was not taken; of a partial `told`, `overtaken`, `kept` (its utterance may be over) or `no_room`. */
  outcome: 'murmuration.outcome',
  /** Code of docs/errors.md. */
  errorCode: 'error.type',
  httpMethod: 'http.request.method',
  httpRoute: 'http.route',
  httpStatus: 'http.response.status_code',
  rpcMethod: 'rpc.method',
  rpcStatus: 'rpc.grpc.status_code',
} as const;

export type SpanAttributes = Readonly<
  Partial<Record<(typeof ATTRIBUTE)[keyof typeof ATTRIBUTE], string | number | boolean>>
>;

/** A span that has begun. After `end` nothing changes it. */
export interface TraceSpan {
  /** What others continue the trace from, as W3C's header `traceparent`; null where tracing is off. */
  readonly traceparent: string | null;
  /** For log lines; null where tracing is off. */
  readonly traceId: string | null;
  set(attributes: SpanAttributes): void;
  /** Points at a span of another trace. */
  link(traceparent: string | null): void;
  /** @param errorCode what it failed by: a code of docs/errors.md */
  end(errorCode?: string): void;
}

export interface SpanOptions {
  /** The span that this one belongs to; without one a trace begins. */
  readonly parent?: string | null;
  /** Its own side of a call: `server`; default `internal`. */
  readonly kind?: 'internal' | 'server' | 'client';
  /** Unix milliseconds; default now. */
  readonly startMs?: number;
  readonly attributes?: SpanAttributes;
  /** Spans of other traces that it points at. */
  readonly links?: readonly (string | null)[];
}

/** Makes spans. The context of a trace is passed on as text, in requests, chunks and utterances: nothing is hidden in the course of the program. */
export interface Tracing {
  /** False: spans cost nothing and go nowhere. */
  readonly on: boolean;
  start(name: string, options?: SpanOptions): TraceSpan;
  /** Sends what is left, for five seconds at most. */
  close(): Promise<void>;
}

/** The span of a process without tracing. */
export const NO_SPAN: TraceSpan = {
  traceparent: null,
  traceId: null,
  set: () => undefined,
  link: () => undefined,
  end: () => undefined,
};

/** Tracing that is off. */
export const NO_TRACING: Tracing = { on: false, start: () => NO_SPAN, close: () => Promise.resolve() };

/** Version 00 of W3C Trace Context: version, trace id, parent id, flags. Ids of zeros mean nothing. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** A place in a trace. */
interface TracePlace {
  readonly traceId: string;
  readonly spanId: string;
  /** Bit 0: the trace is sampled. */
  readonly flags: number;
}

/** The value of a header `traceparent`, when it is a valid one; null for anything else, which is passed over as the standard says. */
export function traceparentOf(value: unknown): string | null {
  return typeof value === 'string' && TRACEPARENT.test(value) ? value : null;
}

/** Reads what `traceparentOf` let through. Null where it is none. */
export function placeOf(traceparent: string): TracePlace | null {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  return traceId === undefined || spanId === undefined || flags === undefined
    ? null
    : { traceId, spanId, flags: Number.parseInt(flags, 16) };
}
