import { AsrError } from '@murmuration/contracts';

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
