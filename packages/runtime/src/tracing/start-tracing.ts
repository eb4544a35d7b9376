import { NO_TRACING, type Tracing } from './tracing.js';

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
