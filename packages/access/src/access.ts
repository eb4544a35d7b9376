import { AsrError } from '@murmuration/contracts';
import { EnvironmentError, isLoopback } from '@murmuration/runtime';
import { z } from 'zod';
import type { KeyRing } from './key-ring.js';
import { ANONYMOUS, type Principal } from './principal.js';
import { type ClientSecret, type Ticket, Tickets, type TicketStore } from './tickets.js';

/** The variables that say whether keys are asked for, for the schema of a service's environment. */
export const accessVariables = {
  /** Holds the API keys; written by `murmur keys`. */
  API_KEYS_FILE: z.string().optional(),
  /** Lets everybody in who reaches the service. That is also the default on a loopback address. */
  AUTH: z.enum(['off'], { error: 'must be off, or unset' }).optional(),
};

/**
 * Throws `EnvironmentError` when the variables contradict each other, or would open the service to other machines without saying so.
 * @param hostVariable name of the variable that `host` comes from
 */
export function checkAccessVariables(
  variables: { readonly API_KEYS_FILE?: string | undefined; readonly AUTH?: 'off' | undefined },
  hostVariable: string,
  host: string,
): void {
  if (variables.API_KEYS_FILE !== undefined && variables.AUTH === 'off') {
    throw new EnvironmentError(
      'AUTH, API_KEYS_FILE: both are set. Unset AUTH to ask for keys, or API_KEYS_FILE to let everybody in.',
    );
  }
  if (!isLoopback(host) && variables.AUTH !== 'off' && variables.API_KEYS_FILE === undefined) {
    throw new EnvironmentError(
      `${hostVariable}: an address that other machines reach needs API_KEYS_FILE (make keys with: murmur keys create NAME), or AUTH=off, which lets everybody in who reaches it. Set one, or ${hostVariable} to 127.0.0.1.`,
    );
  }
}

/**
 * Throws `EnvironmentError` when Wyoming, whose clients cannot show a key, would be open to other machines though keys are asked for, or without saying so.
 * @param host where it listens
 */
export function checkWyomingVariables(
  variables: Parameters<typeof checkAccessVariables>[0] & { readonly WYOMING_WITHOUT_KEYS: boolean },
  host: string,
): void {
  checkAccessVariables(variables, 'WYOMING_HOST', host);
  if (isLoopback(host) || variables.API_KEYS_FILE === undefined || variables.WYOMING_WITHOUT_KEYS) return;
  throw new EnvironmentError(
    'WYOMING_PORT, API_KEYS_FILE: keys are asked for, and clients of Wyoming can show none. Set WYOMING_HOST to 127.0.0.1, or WYOMING_WITHOUT_KEYS=true, which lets everybody in who reaches the port.',
  );
}

/** Says who sends a request. One a node. */
export class Access {
  readonly #keys: { readonly ring: KeyRing } | null;
  readonly #tickets: Tickets;
  readonly #now: () => number;

  /**
   * @param keys the keys (a `KeyFile`), or null: everybody may do everything
   * @param now Unix milliseconds
   */
  constructor(keys: { readonly ring: KeyRing } | null, tickets: TicketStore, now: () => number = Date.now) {
    this.#keys = keys;
    this.#tickets = new Tickets(tickets, keys);
    this.#now = now;
  }

  /** True when no key is asked for. */
  get open(): boolean {
    return this.#keys === null;
  }

  /**
   * Who shows these credentials; where no key is asked for, everybody is the same.
   * Throws `unauthenticated`, always in the same words, whether a key is absent, wrong, expired or revoked; `backend_unavailable` when a ticket cannot be looked up.
   */
  async authenticate(credentials: Credentials): Promise<Principal> {
    if (this.#keys === null) return ANONYMOUS;
    const principal = await this.#find(this.#keys, credentials);
    if (principal === null) throw new AsrError('unauthenticated');
    return principal;
  }

  /** A ticket that stands for the key of this principal. Throws `backend_unavailable`. */
  async issueTicket(principal: Principal): Promise<Ticket> {
    return this.#tickets.issue(principal.keyId ?? '', this.#now());
  }

  /** A secret that lets a browser transcribe in this principal's name, as often as it likes until it expires. Throws `backend_unavailable`. */
  async issueClientSecret(principal: Principal, lifeMs: number): Promise<ClientSecret> {
    return this.#tickets.issueClientSecret(principal.keyId ?? '', this.#now(), lifeMs);
  }

  /** Secret that signs the webhooks of this owner in place of the general one, or null. */
  webhookSecret(owner: string | null): string | null {
    return owner === null ? null : (this.#keys?.ring.webhookSecret(owner, this.#now()) ?? null);
  }

  /** Audio that this owner may use in a month, seconds, or null where nothing bounds it. */
  monthlyAudioSeconds(owner: string | null): number | null {
    return owner === null ? null : (this.#keys?.ring.monthlyAudioSeconds(owner, this.#now()) ?? null);
  }

  async #find(keys: { readonly ring: KeyRing }, credentials: Credentials): Promise<Principal | null> {
    switch (credentials.kind) {
      case 'none':
        return null;
      case 'key':
        return keys.ring.find(credentials.key, this.#now());
      case 'client_secret': {
        const keyId = await this.#tickets.redeemClientSecret(credentials.secret, this.#now());
        const principal = keyId === null ? null : keys.ring.byId(keyId, this.#now());
        return principal === null
          ? null
          : { ...principal, scopes: new Set([...principal.scopes].filter((scope) => scope === 'transcribe')) };
      }
      case 'ticket': {
        const keyId = await this.#tickets.redeem(credentials.ticket, credentials.use, this.#now());
        // The keys may have changed while the store was asked.
        return keyId === null ? null : keys.ring.byId(keyId, this.#now());
      }
    }
  }
}

/** What a request shows to be let in. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'key'; readonly key: string }
  /** From `Access.issueClientSecret`; `openClientSecret` finds it in what a client shows. */
  | { readonly kind: 'client_secret'; readonly secret: string }
  /** `read`: good until it expires. `once`: the ticket is used up, whatever comes of it. */
  | { readonly kind: 'ticket'; readonly ticket: string; readonly use: 'read' | 'once' };

export const NO_CREDENTIALS: Credentials = { kind: 'none' };

/** Headers of a request by lower-case name, or gRPC metadata in the same shape. */
export type HeaderBag = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The key in `authorization` (`Bearer KEY` or `Token KEY`, whatever the case of the word), else in `x-api-key`. */
export function credentialsInHeaders(headers: HeaderBag): Credentials {
  const authorization = /^(?:bearer|token)[ \t]+(\S.*)$/i.exec(single(headers['authorization']) ?? '')?.[1];
  const key = authorization ?? single(headers['x-api-key']);
  return key === undefined || key.trim() === '' ? NO_CREDENTIALS : { kind: 'key', key: key.trim() };
}

/** The key as the password of HTTP Basic (RFC 7617), whatever the user is called: for programs that take an address and nothing else. */
export function credentialsInPassword(headers: HeaderBag): Credentials {
  const encoded = /^basic[ \t]+(\S+)$/i.exec(single(headers['authorization']) ?? '')?.[1] ?? '';
  const key = /:(.+)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8'))?.[1]?.trim() ?? '';
  return key === '' ? NO_CREDENTIALS : { kind: 'key', key };
}

function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}

/** Our own prefix, and the one of OpenAI's clients in browsers. */
const KEY_PROTOCOL = /^(?:murmuration\.key|openai-insecure-api-key)\.(\S+)$/;

/**
 * The key among the subprotocols that a WebSocket offers (`sec-websocket-protocol`), for browsers, which can send no header of their own.
 * `others` are the ones to choose the answer from: a key is never sent back.
 */
export function credentialsInProtocols(header: string | undefined): {
  readonly credentials: Credentials;
  readonly others: readonly string[];
} {
  const offered = (header ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const key = offered.map((name) => KEY_PROTOCOL.exec(name)?.[1]).find((found) => found !== undefined);
  return {
    credentials: key === undefined ? NO_CREDENTIALS : { kind: 'key', key },
    others: offered.filter((name) => !KEY_PROTOCOL.test(name)),
  };
}

/** Names under which people put keys into addresses. */
const KEY_PARAMETERS: ReadonlySet<string> = new Set([
  'key',
  'apikey',
  'token',
  'accesstoken',
  'xapikey',
  'authorization',
]);

/** The ticket among the parameters of an address, or null. Throws `invalid_request` when there is a key: addresses are logged on their way. */
export function ticketInQuery(query: URLSearchParams): string | null {
  for (const name of query.keys()) {
    if (!KEY_PARAMETERS.has(name.toLowerCase().replaceAll(/[-_]/g, ''))) continue;
    throw new AsrError(
      'invalid_request',
      'A key may not stand in an address, for addresses are logged on their way. Send it as Authorization: Bearer KEY, or get a ticket from POST /v1/tickets and send that as ?ticket=. If it was a real key, replace it.',
    );
  }
  const ticket = query.get('ticket');
  return ticket === null || ticket === '' ? null : ticket;
}
