import type { Scope } from '@murmuration/access';

/** Who may call a route: everybody, whoever has a key, or whoever has a key with one of the scopes. */
export type RouteAccess = 'public' | 'key' | readonly Scope[];
