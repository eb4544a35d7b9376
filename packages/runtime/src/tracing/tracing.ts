import type { SpanAttributes } from './names.js';

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
