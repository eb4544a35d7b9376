import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  credentialsInHeaders,
  credentialsInPassword,
  ticketInQuery,
  type Access,
  type Credentials,
} from '@murmuration/access';
import { queryOf, useAccess, type RouteAccess } from '@murmuration/service';
import { errorResponses } from '../replies/error-responses.js';

/** The pages that describe the API come from a plugin, which gives its routes no configuration. */
const PUBLIC_PAGES = /^\/docs(?:\/|$)/;

/** Ways to show a key, for the API description. */
export const SECURITY_SCHEMES = {
  key: {
    type: 'http',
    scheme: 'bearer',
    description: '`Authorization: Bearer KEY`; `Authorization: Token KEY` does as well.',
  },
  keyHeader: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'The key by itself.' },
  ticket: {
    type: 'apiKey',
    in: 'query',
    name: 'ticket',
    description: 'From `POST /v1/tickets`: reads for a minute where no header can be sent.',
  },
} as const;

type Requirement = Readonly<Partial<Record<keyof typeof SECURITY_SCHEMES, readonly string[]>>>;

/** Authenticates callers with a key, or with a ticket where they only read, and says so in each route's description. Call it before the routes are added. */
export function useApiAccess(app: FastifyInstance, access: Access): void {
  useAccess(app, { access, credentials: credentialsOf, accessOfPlugin });
  app.addHook('onRoute', (route) => {
    const allowed = route.config?.access ?? accessOfPlugin(route.url);
    if (route.method === 'OPTIONS' || allowed === undefined || route.schema?.hide === true) return;
    route.schema = {
      ...route.schema,
      ...describeAccess(allowed, {
        open: access.open,
        reads: isReading(route.method),
        response: route.schema?.response,
      }),
    };
  });
}

function accessOfPlugin(url: string): RouteAccess | undefined {
  return PUBLIC_PAGES.test(url) ? 'public' : undefined;
}

/** A ticket may read, and does nothing else over HTTP. */
function isReading(method: string | readonly string[]): boolean {
  return [method].flat().every((name) => name === 'GET' || name === 'HEAD');
}

function credentialsOf(request: FastifyRequest): Credentials {
  const ticket = ticketInQuery(queryOf(request));
  const shown = credentialsInHeaders(request.headers);
  if (shown.kind === 'none' && request.routeOptions.config.keyAsPassword === true)
    return credentialsInPassword(request.headers);
  return shown.kind === 'none' && ticket !== null && isReading(request.method)
    ? { kind: 'ticket', ticket, use: 'read' }
    : shown;
}

/** The part of a route's schema about its callers: security requirements, and the refusals among its answers. */
function describeAccess(
  allowed: RouteAccess,
  route: { readonly open: boolean; readonly reads: boolean; readonly response: unknown },
): { security: Requirement[]; response?: object } {
  if (allowed === 'public') return { security: [] };
  const ways: Requirement[] = [{ key: [] }, { keyHeader: [] }, ...(route.reads ? [{ ticket: [] }] : [])];
  const { 401: unauthenticated, 403: denied } = errorResponses(['unauthenticated', 'permission_denied']);
  const needed = Array.isArray(allowed)
    ? ` Needed: ${allowed.map((scope) => `\`${String(scope)}\``).join(' or ')}.`
    : null;
  return {
    // An empty requirement: none is needed.
    security: route.open ? [{}, ...ways] : ways,
    response: {
      ...(route.response as object | undefined),
      401: unauthenticated,
      ...(needed === null ? {} : { 403: { ...denied, description: `${denied?.description ?? ''}${needed}` } }),
    },
  };
}
