import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { NOBODY, NO_CREDENTIALS, credentialsInHeaders, requireScope, ticketInQuery, type Access, type Credentials, type Principal } from '@murmuration/access';
import { describeAccess } from './describe-access.js';
import type { RouteAccess } from './route-access.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route has it; without it the door does not start. */
    access?: RouteAccess;
  }
  interface FastifyRequest {
    /** Who sent it. Known before the body is read. */
    principal: Principal;
  }
}

/** The pages that describe the door come from a plugin, which gives its routes no configuration. */
const PUBLIC_PAGES = /^\/docs(?:\/|$)/;

/**
 * Puts `principal` on every request, before its body is read, and refuses those that may not call the route: `unauthenticated`, `permission_denied`.
 * Call it before the routes are added and after what lets other origins call, so that browsers see the refusals.
 */
export function useAccess(app: FastifyInstance, access: Access): void {
  app.decorateRequest('principal');
  app.addHook('onRoute', (route) => {
    const allowed = accessTo(route.url, route.config?.access);
    // Preflight requests carry no key by design, and do nothing.
    if (isPreflight(route)) return;
    if (allowed === undefined) throw new Error(`${[route.method].flat().join(', ')} ${route.url} does not say who may call it: give the route config.access.`);
    if (route.schema?.hide !== true) route.schema = { ...route.schema, ...describeAccess(allowed, { open: access.open, reads: isReading(route.method), response: route.schema?.response }) };
  });
  app.addHook('onRequest', async (request, reply) => {
    request.principal = NOBODY;
    const allowed = accessTo(request.routeOptions.url, request.routeOptions.config.access);
    if (request.is404 || request.method === 'OPTIONS' || allowed === 'public') return;
    // What is a key's is for nobody else, whatever caches are on the way; routes whose answers may be kept by the client say so.
    void reply.header('cache-control', 'no-store');
    request.principal = await access.authenticate(access.open ? NO_CREDENTIALS : credentialsOf(request));
    // Without a list any key will do; a route that says nothing never came this far.
    if (allowed !== undefined && allowed !== 'key') requireScope(request.principal, allowed);
  });
}

function accessTo(url: string | undefined, declared: RouteAccess | undefined): RouteAccess | undefined {
  return declared ?? (url !== undefined && PUBLIC_PAGES.test(url) ? 'public' : undefined);
}

function isPreflight(route: RouteOptions): boolean {
  return route.method === 'OPTIONS';
}

/** A ticket may read, and does nothing else over HTTP. */
function isReading(method: string | readonly string[]): boolean {
  return [method].flat().every((name) => name === 'GET' || name === 'HEAD');
}

function credentialsOf(request: FastifyRequest): Credentials {
  const url = request.raw.url ?? '';
  const ticket = url.includes('?') ? ticketInQuery(new URLSearchParams(url.slice(url.indexOf('?')))) : null;
  const shown = credentialsInHeaders(request.headers);
  return shown.kind === 'none' && ticket !== null && isReading(request.method) ? { kind: 'ticket', ticket, use: 'read' } : shown;
}
