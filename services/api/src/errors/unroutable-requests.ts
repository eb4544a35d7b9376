import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { AsrError } from '@murmuration/contracts';
import { errorBody, replyWithError } from '@murmuration/service';

/** Answers unknown addresses with `not_found`, and known ones that are asked with a wrong method with `method_not_allowed` and the methods they take. Call it before the routes are added. */
export function useUnroutableReplies(app: FastifyInstance): void {
  const known = new Map<string, Set<string>>();
  app.addHook('onRoute', (route) => {
    const methods = known.get(route.url) ?? new Set<string>();
    for (const method of [route.method].flat()) methods.add(method);
    known.set(route.url, methods);
  });
  app.setNotFoundHandler((request, reply) => {
    const allowed = methodsOf(known, request.url.split('?')[0] ?? '');
    if (allowed === null)
      return replyWithError(
        request,
        reply,
        new AsrError('not_found', 'Nothing is at this address. The addresses are listed in /docs.'),
      );
    void reply.header('allow', allowed.join(', '));
    return replyWithError(
      request,
      reply,
      new AsrError('method_not_allowed', `This address takes ${allowed.join(', ')}.`),
    );
  });
}

function methodsOf(known: ReadonlyMap<string, ReadonlySet<string>>, path: string): string[] | null {
  for (const [url, methods] of known) {
    if (url !== '/*' && url !== '*' && isAddressOf(url, path)) return [...methods].sort();
  }
  return null;
}

/** True when the path is one of a route's: parameters stand for one part, a star for all that follows. */
function isAddressOf(url: string, path: string): boolean {
  if (url.endsWith('/*')) return path.startsWith(url.slice(0, -1));
  const wanted = url.split('/');
  const parts = path.split('/');
  return (
    wanted.length === parts.length &&
    wanted.every((part, index) => (part.startsWith(':') ? parts[index] !== '' : part === parts[index]))
  );
}

const TOO_LARGE = 'HPE_HEADER_OVERFLOW';

/** Answers bytes that are not HTTP (400), or headers that are too large (431), in OpenAI's shape; the connection ends. */
export function replyToBadClient(error: Error & { readonly code?: string }, socket: Socket): void {
  if (socket.destroyed) return;
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const told = new AsrError(
    'invalid_request',
    error.code === TOO_LARGE ? "The request's headers are too large." : 'The request is not readable as HTTP.',
  );
  const body = JSON.stringify(errorBody(told));
  const status = error.code === TOO_LARGE ? '431 Request Header Fields Too Large' : '400 Bad Request';
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`,
  );
}
