export { Access, accessVariables, checkAccessVariables, checkWyomingVariables } from './access.js';
export { openClientSecret, sealClientSecret } from './secret.js';
export {
  NO_CREDENTIALS,
  credentialsInHeaders,
  credentialsInPassword,
  credentialsInProtocols,
  ticketInQuery,
  type Credentials,
  type HeaderBag,
} from './access.js';
export { createKey, listKeys, revokeKey, DEFAULT_SCOPES, type KeyListing, type NewKey } from './key-admin.js';
export { KeyFileError, type KeyEntry } from './key-entry.js';
export { KeyFile, type KeyFileOptions } from './key-file.js';
export {
  ANONYMOUS,
  NOBODY,
  SCOPES,
  hasScope,
  owns,
  reachOf,
  requireScope,
  type Principal,
  type Reach,
  type Scope,
} from './principal.js';
export { SharedPlaces, mayTake } from './shares.js';
export type { ClientSecret, Ticket, TicketStore } from './tickets.js';
