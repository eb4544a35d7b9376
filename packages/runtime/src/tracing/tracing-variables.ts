import { z } from 'zod';

/** The variable that switches tracing on, for the schema of a service's environment. The SDK reads the other standard ones (`OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS` …) itself. */
export const tracingVariables = {
  /** Base address of an OTLP/HTTP collector, such as http://127.0.0.1:4318; off unless set. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/, error: 'must be an http(s) address' }).optional(),
};
