import { z } from 'zod';
import { NO_TRACING, type Tracing } from './tracing.js';

/** The variable that switches tracing on, for the schema of a service's environment. The SDK reads the other standard ones (`OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS` …) itself. */
export const tracingVariables = {
  /** Base address of an OTLP/HTTP collector, such as http://127.0.0.1:4318; off unless set. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/, error: 'must be an http(s) address' }).optional(),
};

/**
 * Tracing as the environment wants it. Without an endpoint the SDK is not even loaded.
 * @param service name of the service, such as `api` @param endpoint base address of an OTLP/HTTP collector
 */
export async function startTracing(
  service: string,
  endpoint: string | undefined,
  log: (message: string) => void,
): Promise<Tracing> {
  if (endpoint === undefined) return NO_TRACING;
  const { OtelTracing } = await import('./otel-tracing.js');
  return new OtelTracing(service, endpoint, log);
}
