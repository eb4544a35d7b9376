import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  NOBODY,
  NO_CREDENTIALS,
  requireScope,
  type Access,
  type Credentials,
  type Principal,
  type Scope,
} from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import { browserRefusal, type BrowserRules } from '@murmuration/runtime';

/** Who may call a route: everybody; whoever has a key; whoever has a key with one of the scopes; or `own`: the route authenticates its callers itself, because its clients show keys in their own way. */
export type RouteAccess = 'public' | 'key' | 'own' | readonly Scope[];

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route has it; without it the server does not start. */
    access?: RouteAccess;
    /** The key may also come as the password of HTTP Basic. */
    keyAsPassword?: true;
  }
  interface FastifyRequest {
    /** Who sent the request, known before its body is read; `NOBODY` on a public route and where the route authenticates itself. */
    principal: Principal;
  }
}

/** Refuses requests from foreign pages, and without keys those to host names that a stranger can make point here: `permission_denied`. Call it before `useAccess`. */
export function useBrowserRules(app: FastifyInstance, rules: BrowserRules): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const refusal = browserRefusal(request, rules);
    done(refusal === null ? undefined : new AsrError('permission_denied', refusal));
  });
}

export interface RouteAccessOptions {
  readonly access: Access;
  /** What a request shows: a key, a ticket, or nothing. */
  readonly credentials: (request: FastifyRequest) => Credentials;
  /** The access of routes that plugins add without a configuration. */
  readonly accessOfPlugin?: (url: string) => RouteAccess | undefined;
}

/**
 * Puts `principal` on every request, before its body is read, and refuses callers that may not use the route: `unauthenticated`, `permission_denied`.
 * Call it before the routes are added, and after whatever allows other origins to call, so that browsers see the refusals.
 */
export function useAccess(
  app: FastifyInstance,
  { access, credentials, accessOfPlugin = () => undefined }: RouteAccessOptions,
): void {
  const accessOf = (url: string | undefined, declared: RouteAccess | undefined): RouteAccess | undefined =>
    declared ?? (url === undefined ? undefined : accessOfPlugin(url));
  app.decorateRequest('principal');
  app.addHook('onRoute', (route) => {
    // Preflight requests carry no key by design, and do nothing.
    if (route.method === 'OPTIONS' || accessOf(route.url, route.config?.access) !== undefined) return;
    throw new Error(
      `${[route.method].flat().join(', ')} ${route.url} does not say who may call it: give the route config.access.`,
    );
  });
  app.addHook('onRequest', async (request, reply) => {
    request.principal = NOBODY;
    const allowed = accessOf(request.routeOptions.url, request.routeOptions.config.access);
    if (request.is404 || request.method === 'OPTIONS' || allowed === 'public' || allowed === 'own') return;
    // A key's answers are for nobody else, whatever caches are on the way; routes whose answers the client may keep say so.
    void reply.header('cache-control', 'no-store');
    request.principal = await access.authenticate(access.open ? NO_CREDENTIALS : credentials(request));
    if (allowed !== undefined && allowed !== 'key') requireScope(request.principal, allowed);
  });
}

/** The parameters of a request's address. */
export function queryOf(request: FastifyRequest): URLSearchParams {
  const url = request.raw.url ?? '';
  return new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?')) : '');
}
