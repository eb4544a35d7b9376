import type { FastifyInstance, FastifyRequest } from 'fastify';
import { NOBODY, NO_CREDENTIALS, credentialsInHeaders, credentialsInProtocols, requireScope, ticketInQuery, type Credentials, type Principal, type Scope } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import { browserRefusal } from '@murmuration/runtime';
import type { RelayContext } from '../relay-context.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Scopes one of which a caller needs; `own`: the route asks by itself, for its clients show keys in a way of their own. Every route has it. */
    access?: readonly Scope[] | 'own';
    /** Longest WebSocket message, bytes; 1 MiB where nothing is said. */
    maxMessageBytes?: number;
  }
  interface FastifyRequest {
    /** Who calls; `NOBODY` on a route with access `own`. */
    principal: Principal;
  }
}

/**
 * Puts `principal` on every request and refuses, before the handshake, pages of strangers, without keys hosts that are not known, and callers that may not: `permission_denied`, `unauthenticated`; and everybody once the relay stops: `shutting_down`.
 * Call it before the routes are added.
 */
export function letIn(app: FastifyInstance, parts: Pick<RelayContext, 'access' | 'config' | 'stopping'>): void {
  app.decorateRequest('principal');
  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new Error(`${[route.method].flat().join(', ')} ${route.url} does not say who may call it: give the route config.access.`);
  });
  const rules = { origins: parts.config.CORS_ORIGINS, hosts: parts.config.ALLOWED_HOSTS, open: parts.access.open };
  app.addHook('onRequest', async (request) => {
    request.principal = NOBODY;
    const refusal = browserRefusal(request, rules);
    if (refusal !== null) throw new AsrError('permission_denied', refusal);
    if (request.is404) return;
    if (parts.stopping()) throw new AsrError('shutting_down');
    const needed = request.routeOptions.config.access;
    if (needed === undefined || needed === 'own') return;
    request.principal = await parts.access.authenticate(parts.access.open ? NO_CREDENTIALS : credentialsOf(request));
    requireScope(request.principal, needed);
  });
}

/** What a socket shows: a key in a header or among the subprotocols, else a ticket in the address, which is used up. */
function credentialsOf(request: FastifyRequest): Credentials {
  const url = request.raw.url ?? '';
  const ticket = url.includes('?') ? ticketInQuery(new URLSearchParams(url.slice(url.indexOf('?')))) : null;
  const inHeaders = credentialsInHeaders(request.headers);
  if (inHeaders.kind !== 'none') return inHeaders;
  const inProtocols = credentialsInProtocols(request.headers['sec-websocket-protocol']).credentials;
  return inProtocols.kind === 'none' && ticket !== null ? { kind: 'ticket', ticket, use: 'once' } : inProtocols;
}
