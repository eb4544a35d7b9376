import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import {
  LogController,
  fastify,
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyRequest,
  type FastifyReply,
} from 'fastify';
import { type Logger, ATTRIBUTE, traceparentOf, type TraceSpan, type Tracing } from '@murmuration/runtime';
import { z } from 'zod';
import { AsrError, ERRORS, type ErrorCode } from '@murmuration/contracts';

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
    /** Set where the request was answered with an error. */
    errorCode?: ErrorCode;
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

const CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];
const TYPES = [...new Set(Object.values(ERRORS).map((kind) => kind.type))];

/** OpenAI's shape of an error. */
export const errorBodySchema = z
  .object({
    error: z.object({
      message: z.string().describe('A sentence that says what to do.'),
      type: z.enum(TYPES),
      param: z.string().nullable().describe('The field at fault.'),
      code: z.enum(CODES).describe('Stable: clients may branch on it.'),
    }),
  })
  .meta({ id: 'Error', description: "What went wrong, in the shape of OpenAI's API. See docs/errors.md." });

/** An error in OpenAI's shape. */
export function errorBody(error: AsrError): z.infer<typeof errorBodySchema> {
  return { error: { message: error.message, type: error.kind.type, param: error.param, code: error.code } };
}

/** Answers an error over HTTP, the refusal of a handshake included: `Retry-After` where the time is known, `WWW-Authenticate` where a key is asked for. */
export function replyWithError(request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = toAsrError(thrown);
  logFault(request, error);
  request.errorCode = error.code;
  if (error.retryAfter !== null) void reply.header('retry-after', error.retryAfter);
  // OpenAI's clients would repeat any 429 twice.
  if (error.code === 'insufficient_quota') void reply.header('x-should-retry', 'false');
  if (error.code === 'unauthenticated') void reply.header('www-authenticate', 'Bearer realm="murmuration"');
  return reply
    .code(error.kind.http)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(errorBody(error));
}

/** Logs a fault of the server with its cause, and a fault of its surroundings with its code. A client's mistakes are not logged. */
export function logFault(request: FastifyRequest, error: AsrError): void {
  if (error.kind.http === 500) request.log.error({ err: error.cause ?? error, code: error.code }, 'a request failed');
  else if (error.kind.http > 500) request.log.warn({ code: error.code }, 'a request could not be served');
}

/** An error of the web framework with its code, for example `FST_ERR_BAD_URL`. */
interface FrameworkError {
  readonly code: string;
  readonly statusCode?: number;
  readonly message: string;
}

/** Any thrown value as one of our errors. An unknown one becomes `internal`, with its cause kept for the log. */
export function toAsrError(error: unknown): AsrError {
  if (error instanceof AsrError) return error;
  if (!isFrameworkError(error)) return AsrError.from(error);
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AsrError('unsupported_media_type');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AsrError('file_too_large');
    case 'FST_ERR_BAD_URL':
      return new AsrError('invalid_request', 'The address cannot be read. Check its percent signs.');
    default:
      return (error.statusCode ?? 500) < 500 ? new AsrError('invalid_request') : AsrError.from(error);
  }
}

function isFrameworkError(error: unknown): error is FrameworkError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('FST_');
}
