import { z } from 'zod';
import { AsrError } from '@murmuration/contracts';

/** What a key may be allowed: to transcribe, to submit and cancel jobs, to read what is there, and to see and administer everything. */
export const SCOPES = ['transcribe', 'jobs', 'read', 'admin'] as const;
export const scopeSchema = z.enum(SCOPES, { error: `must be one of ${SCOPES.join(', ')}` });
export type Scope = z.infer<typeof scopeSchema>;

/** Who sent a request. */
export interface Principal {
  /** Id of the key that was used, or null without keys. */
  readonly keyId: string | null;
  readonly name: string;
  /** Whose the things are that it makes: the key's name, so that a key that is rotated finds what its predecessor made. Null without keys. */
  readonly owner: string | null;
  readonly scopes: ReadonlySet<Scope>;
  /** Share of the work against other keys; 1 is usual. */
  readonly weight: number;
}

/** Everybody, where keys are off. */
export const ANONYMOUS: Principal = { keyId: null, name: 'anonymous', owner: null, scopes: new Set(SCOPES), weight: 1 };

/** The sender of a request that needs no key. May do nothing else. */
export const NOBODY: Principal = { keyId: null, name: 'nobody', owner: null, scopes: new Set(), weight: 1 };

/** True when the scope is given; `admin` includes `read`. */
export function hasScope(principal: Principal, scope: Scope): boolean {
  return principal.scopes.has(scope) || (scope === 'read' && principal.scopes.has('admin'));
}

/** Throws `permission_denied` that names the scopes when the principal has none of them. */
export function requireScope(principal: Principal, anyOf: readonly Scope[]): void {
  if (anyOf.some((scope) => hasScope(principal, scope))) return;
  throw new AsrError(
    'permission_denied',
    `The API key may not do this. Use a key that has the scope ${anyOf.join(' or ')}.`,
  );
}

/**
 * True when the principal may know of a thing of this owner: it is its own, or it is an administrator.
 * Where it is false, answer `not_found` as for a thing that never was.
 */
export function owns(principal: Principal, owner: string | null): boolean {
  return principal.scopes.has('admin') || (owner !== null && owner === principal.owner);
}

/** Whose things a list may show: everybody's to an administrator, else the principal's own. */
export type Reach = 'everybody' | { readonly owner: string };

/** What a principal's lists reach. Nobody has things without an owner, so that a principal without one sees none. */
export function reachOf(principal: Principal): Reach {
  return principal.scopes.has('admin') ? 'everybody' : { owner: principal.owner ?? '' };
}
