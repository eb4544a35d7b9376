import {
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  diag,
  trace,
  type Context,
  type Link,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { settled } from '@murmuration/contracts/left-alone';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { ATTRIBUTE, type SpanAttributes, placeOf, type SpanOptions, type TraceSpan, type Tracing } from './tracing.js';

const KINDS = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;
/** A busy worker makes three spans a chunk, and a batch of chunks at once. */
const QUEUE_SPANS = 8_192;
const EXPORT_SPANS = 1_024;
const CLOSE_MS = 5_000;
/** A collector that is away would be told of with every export. */
const COMPLAIN_EVERY_MS = 60_000;

/** Spans by the OpenTelemetry SDK, sent as OTLP over HTTP. Loaded by `startTracing` alone. */
export class OtelTracing implements Tracing {
  readonly on = true;
  readonly #provider: BasicTracerProvider;
  readonly #tracer: Tracer;

  /** Sampler, headers, timeouts and the rest follow the standard variables `OTEL_…`, which the SDK reads itself. */
  constructor(service: string, endpoint: string, log: (message: string) => void) {
    let complainedMs = -Infinity;
    const complain = (message: string): void => {
      if (performance.now() - complainedMs < COMPLAIN_EVERY_MS) return;
      complainedMs = performance.now();
      // The SDK's own words may hold what the collector answered.
      log(message.slice(0, 200));
    };
    const silent = (): void => undefined;
    diag.setLogger(
      { error: complain, warn: complain, info: silent, debug: silent, verbose: silent },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    );
    const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` });
    this.#provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': `murmuration-${service}` }).merge(
        detectResources({ detectors: [envDetector] }),
      ),
      spanProcessors: [
        new BatchSpanProcessor(exporter, { maxQueueSize: QUEUE_SPANS, maxExportBatchSize: EXPORT_SPANS }),
      ],
    });
    this.#tracer = this.#provider.getTracer('murmuration');
  }

  start(name: string, { parent, kind = 'internal', startMs, attributes, links }: SpanOptions = {}): TraceSpan {
    return new OtelSpan(
      this.#tracer.startSpan(
        name,
        {
          kind: KINDS[kind],
          links: (links ?? []).flatMap(linkTo),
          ...(startMs === undefined ? {} : { startTime: startMs }),
          ...(attributes === undefined ? {} : { attributes }),
        },
        contextOf(parent ?? null),
      ),
    );
  }

  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([settled(this.#provider.shutdown()), late]);
    clearTimeout(timer);
  }
}

class OtelSpan implements TraceSpan {
  readonly #span: Span;

  constructor(span: Span) {
    this.#span = span;
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes);
  }

  link(traceparent: string | null): void {
    this.#span.addLinks(linkTo(traceparent));
  }

  end(errorCode?: string): void {
    if (errorCode !== undefined) {
      this.#span.setAttribute(ATTRIBUTE.errorCode, errorCode);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: errorCode });
    }
    this.#span.end();
  }
}

function contextOf(traceparent: string | null): Context {
  const place = traceparent === null ? null : placeOf(traceparent);
  if (place === null) return ROOT_CONTEXT;
  const { traceId, spanId, flags } = place;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags, isRemote: true });
}

function linkTo(traceparent: string | null): Link[] {
  const place = traceparent === null ? null : placeOf(traceparent);
  return place === null
    ? []
    : [{ context: { traceId: place.traceId, spanId: place.spanId, traceFlags: place.flags, isRemote: true } }];
}
