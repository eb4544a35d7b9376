import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { LogController, fastify, type FastifyHttpOptions, type FastifyInstance } from 'fastify';
import type { Logger } from '@murmuration/runtime';
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
