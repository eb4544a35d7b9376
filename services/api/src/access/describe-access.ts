import { errorResponses } from '../replies/error-responses.js';
import type { RouteAccess } from './route-access.js';

/** Ways to show a key, for the API description. */
export const SECURITY_SCHEMES = {
  key: { type: 'http', scheme: 'bearer', description: '`Authorization: Bearer KEY`; `Authorization: Token KEY` does as well.' },
  keyHeader: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'The key by itself.' },
  ticket: { type: 'apiKey', in: 'query', name: 'ticket', description: 'From `POST /v1/tickets`: reads for a minute where no header can be sent.' },
} as const;

type Requirement = Readonly<Partial<Record<keyof typeof SECURITY_SCHEMES, readonly string[]>>>;

/** The part of a route's schema that says how it is let into: security requirements, and the refusals among its answers. */
export function describeAccess(allowed: RouteAccess, route: { readonly open: boolean; readonly reads: boolean; readonly response: unknown }): { security: Requirement[]; response?: object } {
  if (allowed === 'public') return { security: [] };
  const ways: Requirement[] = [{ key: [] }, { keyHeader: [] }, ...(route.reads ? [{ ticket: [] }] : [])];
  const { 401: unauthenticated, 403: denied } = errorResponses(['unauthenticated', 'permission_denied']);
  return {
    // An empty requirement: none is needed.
    security: route.open ? [{}, ...ways] : ways,
    response: { ...(route.response as object | undefined), 401: unauthenticated, ...(allowed === 'key' ? {} : { 403: { ...denied, description: `${denied?.description ?? ''} Needed: ${allowed.map((scope) => `\`${scope}\``).join(' or ')}.` } }) },
  };
}
