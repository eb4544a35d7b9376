import type { FastifyRequest } from 'fastify';
import {
  credentialsInHeaders,
  credentialsInProtocols,
  requireScope,
  ticketInQuery,
  NO_CREDENTIALS,
  type Credentials,
  type Principal,
} from '@murmuration/access';
import { traceparentOf } from '@murmuration/runtime';
import { AsrError } from '@murmuration/contracts';
import { queryOf } from '@murmuration/service';
import type { RelayContext } from '../relay-context.js';

/** Finds out who opens a socket, before the handshake, on a route with access `own`. Throws `shutting_down`, `unauthenticated`, `permission_denied`, and `invalid_request` for a key in the address. */
export async function callerOf(
  request: FastifyRequest,
  context: Pick<RelayContext, 'access' | 'stopping'>,
  credentials: (request: FastifyRequest) => Credentials,
): Promise<Principal> {
  // These clients cannot resume on another relay, so that no session is begun that would be cut off.
  if (context.stopping()) throw new AsrError('shutting_down');
  const principal = await context.access.authenticate(context.access.open ? NO_CREDENTIALS : credentials(request));
  requireScope(principal, ['transcribe']);
  return principal;
}

/** A key in a header or among the subprotocols, else a ticket in the address, which is used up. */
export function credentialsOf(request: FastifyRequest): Credentials {
  const ticket = ticketInQuery(queryOf(request));
  const inHeaders = credentialsInHeaders(request.headers);
  if (inHeaders.kind !== 'none') return inHeaders;
  const inProtocols = credentialsInProtocols(request.headers['sec-websocket-protocol']).credentials;
  return inProtocols.kind === 'none' && ticket !== null ? { kind: 'ticket', ticket, use: 'once' } : inProtocols;
}

/** W3C `traceparent` of the handshake, which the connection's sessions continue; null where there is none. */
export function traceOf(request: FastifyRequest): string | null {
  return traceparentOf(request.headers['traceparent']);
}
