import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { LogController, fastify, type FastifyHttpOptions, type FastifyInstance, type FastifyRequest } from 'fastify';
import { type Logger, ATTRIBUTE, traceparentOf, type TraceSpan, type Tracing } from '@murmuration/runtime';
import { replyWithError } from './error-replies.js';

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_PARAMETER_LENGTH = 512;

/**
 * A Fastify server as every endpoint has it: a request id made here, no log line a request, errors answered in OpenAI's shape, and no parser of bodies.
 * @param options what differs at this endpoint
 */
export function createHttpServer(logger: Logger, options: FastifyHttpOptions<Server>): FastifyInstance {
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    frameworkErrors: (error, request, reply) => {
      replyWithError(request, reply, error);
    },
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    ...options,
    http: { maxHeaderSize: MAX_HEADER_BYTES, ...options.http },
  } as FastifyHttpOptions<Server>);
  app.removeAllContentTypeParsers();
  app.setErrorHandler((error, request, reply) => replyWithError(request, reply, error));
  return app;
}

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
