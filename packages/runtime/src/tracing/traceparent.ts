/** Version 00 of W3C Trace Context: version, trace id, parent id, flags. Ids of zeros mean nothing. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** A place in a trace. */
export interface TracePlace {
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
