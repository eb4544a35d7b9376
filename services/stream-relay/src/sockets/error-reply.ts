import type { FastifyReply, FastifyRequest } from 'fastify';
import { AsrError } from '@murmuration/contracts';

/** Answers an error over HTTP, in OpenAI's shape: also the refusal of a handshake. */
export function replyWithError(request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = toAsrError(thrown);
  if (error.kind.http === 500) request.log.error({ err: error.cause ?? error, code: error.code }, 'a request failed');
  if (error.retryAfterSeconds !== null) void reply.header('retry-after', String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  if (error.code === 'unauthenticated') void reply.header('www-authenticate', 'Bearer realm="murmuration"');
  return reply.code(error.kind.http).type('application/json; charset=utf-8').serializer(JSON.stringify)
    .send({ error: { message: error.message, type: error.kind.type, param: error.param, code: error.code } });
}

function toAsrError(error: unknown): AsrError {
  if (error instanceof AsrError) return error;
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown };
  const isRefusal = typeof code === 'string' && code.startsWith('FST_') && typeof statusCode === 'number' && statusCode < 500;
  return isRefusal ? new AsrError(statusCode === 413 ? 'file_too_large' : 'invalid_request') : AsrError.from(error);
}
