import type { FastifyRequest } from 'fastify';
import { credentialsInHeaders, credentialsInProtocols, requireScope, ticketInQuery, NO_CREDENTIALS, type Credentials, type Principal } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import type { RelayContext } from '../relay-context.js';

/** Finds out who opens a socket, before the handshake. Throws `shutting_down`, `unauthenticated`, `permission_denied`, and `invalid_request` for a key in the address. */
export async function callerOf(request: FastifyRequest, parts: Pick<RelayContext, 'access' | 'stopping'>, credentials: (request: FastifyRequest) => Credentials): Promise<Principal> {
  // No dialect can go on elsewhere, so none is begun that would be cut off.
  if (parts.stopping()) throw new AsrError('shutting_down', undefined, { retryAfterSeconds: 1 });
  const principal = await parts.access.authenticate(parts.access.open ? NO_CREDENTIALS : credentials(request));
  requireScope(principal, ['transcribe']);
  return principal;
}

/** The parameters of the address. */
export function queryOf(request: FastifyRequest): URLSearchParams {
  const url = request.raw.url ?? '';
  return new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?')) : '');
}

/** A key in a header or among the subprotocols, else a ticket in the address, which is used up. */
export function credentialsOf(request: FastifyRequest): Credentials {
  const ticket = ticketInQuery(queryOf(request));
  const inHeaders = credentialsInHeaders(request.headers);
  if (inHeaders.kind !== 'none') return inHeaders;
  const inProtocols = credentialsInProtocols(request.headers['sec-websocket-protocol']).credentials;
  return inProtocols.kind === 'none' && ticket !== null ? { kind: 'ticket', ticket, use: 'once' } : inProtocols;
}
