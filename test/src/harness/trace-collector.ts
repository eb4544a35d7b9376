import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@murmuration/store/testing';
import { ROOT } from './service-process.js';

const BINARY = join(ROOT, '.murmuration', 'scratch', 'otelcol');
const BUILD_MS = 600_000;

/** A span as OTLP's JSON has it, with its service and flat attributes. */
export interface CollectedSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty at the root of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** Unix milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The OpenTelemetry collector (`test/collector`, built by Go where it is installed), which hands on what it receives, as JSON, to be read here.
 * Without Go the services' exporters send to the reader at once.
 */
export class TraceCollector {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly endpoint: string;
  /** True when it is the real one. */
  readonly isReal: boolean;
  readonly spans: CollectedSpan[] = [];
  readonly #reader: Server;
  readonly #collector: ChildProcess | null;

  private constructor(endpoint: string, reader: Server, collector: ChildProcess | null) {
    this.endpoint = endpoint;
    this.isReal = collector !== null;
    this.#reader = reader;
    this.#collector = collector;
    reader.on('request', (request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        this.spans.push(...spansOf(JSON.parse(Buffer.concat(pieces).toString('utf8')) as Exported));
        response.setHeader('content-type', 'application/json').end('{}');
      });
    });
  }

  static async start(): Promise<TraceCollector> {
    const reader = createServer();
    await new Promise<void>((resolve) => {
      reader.listen(0, '127.0.0.1', resolve);
    });
    const readAt = `http://127.0.0.1:${String((reader.address() as AddressInfo).port)}`;
    if (!(await isBuilt())) return new TraceCollector(readAt, reader, null);
    const port = await freePort();
    const config = {
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${String(port)}` } } } },
      exporters: { otlphttp: { endpoint: readAt, encoding: 'json', compression: 'none' } },
      service: {
        pipelines: { traces: { receivers: ['otlp'], exporters: ['otlphttp'] } },
        telemetry: { metrics: { level: 'none' }, logs: { level: 'error' } },
      },
    };
    const collector = spawn(BINARY, ['--config', `yaml:${JSON.stringify(config)}`], { stdio: 'inherit' });
    const made = new TraceCollector(`http://127.0.0.1:${String(port)}`, reader, collector);
    try {
      await made.#listening();
      return made;
    } catch (error) {
      await made.close();
      throw error;
    }
  }

  /** The spans once the condition holds of them; throws with their names when it does not within 20 s. */
  async until(condition: (spans: readonly CollectedSpan[]) => boolean): Promise<readonly CollectedSpan[]> {
    for (const untilMs = performance.now() + 20_000; !condition(this.spans);) {
      if (performance.now() > untilMs)
        throw new Error(`not among ${this.spans.map(({ service, name }) => `${service}: ${name}`).join(', ')}`);
      await pause();
    }
    return this.spans;
  }

  async close(): Promise<void> {
    const { exitCode } = this.#collector ?? { exitCode: 0 };
    if (this.#collector !== null && exitCode === null) {
      this.#collector.kill();
      await new Promise((resolve) => this.#collector?.once('exit', resolve));
    }
    this.#reader.closeAllConnections();
    await new Promise((resolve) => this.#reader.close(resolve));
  }

  async #listening(): Promise<void> {
    for (;;) {
      if (this.#collector?.exitCode !== null) throw new Error('the collector ended');
      if ((await fetch(`${this.endpoint}/v1/traces`).catch(() => null)) !== null) return;
      await pause();
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 20);
  });
}

/** Builds the collector unless its build is up to date; false without Go, or where its modules cannot be fetched. */
async function isBuilt(): Promise<boolean> {
  // Not optimised, without symbols: two thirds of the processor time.
  const build = promisify(execFile)('go', ['build', '-gcflags=all=-N -l', '-ldflags=-s -w', '-o', BINARY, '.'], {
    cwd: join(ROOT, 'test', 'collector'),
    timeout: BUILD_MS,
  });
  return build.then(
    () => true,
    () => false,
  );
}

interface Value {
  readonly stringValue?: string;
  readonly intValue?: string | number;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
}
interface Attribute {
  readonly key: string;
  readonly value: Value;
}
interface Exported {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly Attribute[] };
    readonly scopeSpans?: readonly { readonly spans?: readonly ExportedSpan[] }[];
  }[];
}
interface ExportedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes?: readonly Attribute[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

function spansOf({ resourceSpans = [] }: Exported): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = String(flat(resource?.attributes)['service.name']);
    return scopeSpans
      .flatMap(({ spans = [] }) => spans)
      .map((span) => ({
        service,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        name: span.name,
        attributes: flat(span.attributes),
        links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
        startMs: Number(span.startTimeUnixNano) / 1e6,
        endMs: Number(span.endTimeUnixNano) / 1e6,
      }));
  });
}

function flat(attributes: readonly Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue),
    ]),
  );
}
