import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ATTRIBUTE, traceparentOf, type TraceSpan, type Tracing } from '@murmuration/runtime';

declare module 'fastify' {
  interface FastifyRequest {
    /** W3C `traceparent` of the request's span, to continue the trace from; null where tracing is off. */
    trace: string | null;
  }
}

/** Gives every request a span that continues the client's `traceparent`, and its log lines the trace's id. Call it first. */
export function useTracing(app: FastifyInstance, tracing: Tracing): void {
  app.decorateRequest('trace', null);
  if (!tracing.on) return;
  const spans = new WeakMap<FastifyRequest, TraceSpan>();
  app.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    const span = tracing.start(`${request.method} ${route}`, {
      parent: traceparentOf(request.headers['traceparent']),
      kind: 'server',
      attributes: { [ATTRIBUTE.httpMethod]: request.method, [ATTRIBUTE.httpRoute]: route },
    });
    spans.set(request, span);
    request.trace = span.traceparent;
    request.log = reply.log = request.log.child({ traceId: span.traceId });
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const span = spans.get(request);
    const status = reply.raw.statusCode;
    span?.set({ [ATTRIBUTE.httpStatus]: status });
    span?.end(status >= 500 ? String(status) : undefined);
    done();
  });
}
