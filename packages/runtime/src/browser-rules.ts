import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

export interface BrowserRules {
  /** As `CORS_ORIGINS` lists them; `*` for all. Empty: pages of this machine, and those that come from the host that was asked. */
  readonly origins: readonly string[];
  /** As `ALLOWED_HOSTS` lists them; `*` for all. */
  readonly hosts: readonly string[];
  /** True where everybody gets in without a key. A stranger's name can be made to point here, so that page and server have the same host: then only a host counts that is an address, `localhost` or listed. */
  readonly open: boolean;
}

/** The part of a request that the rules look at. */
export interface AskedRequest {
  readonly method?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

const PLAIN_READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The reason why a request is not answered, or null: a sentence that says what to do.
 * A browser lets any page send requests to what its visitor can reach, and nothing but these rules keeps a page of a stranger from using a server without keys.
 * - Without keys, the host that was asked must be an address, `localhost` or listed: under a stranger's name that is made to point here, a page counts as one of the server's own.
 * - A foreign page may send nothing but plain reads, whose answers the browser keeps from it. Opening a WebSocket is none. Programs send no origin.
 */
export function browserRefusal(request: AskedRequest, rules: BrowserRules): string | null {
  const { headers } = request;
  const hosts = [headers.host, headers['x-forwarded-host']]
    .flat()
    .flatMap((value) => value?.split(',') ?? [])
    .map((value) => value.trim());
  if (rules.open && !hosts.every((host) => isKnownHost(host, rules.hosts))) {
    return 'This host name is not served. Use an address or localhost, or have the operator list the name in ALLOWED_HOSTS or ask for keys.';
  }
  const isRead = PLAIN_READS.has(request.method ?? 'GET') && headers.upgrade?.toLowerCase() !== 'websocket';
  return isRead || isKnownPage(headers, hosts.at(-1), rules)
    ? null
    : 'Pages of this origin may not send this. The operator lists origins in CORS_ORIGINS.';
}

function isKnownPage(headers: IncomingHttpHeaders, host: string | undefined, rules: BrowserRules): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  // No page can set these headers. What is of the same origin came under a host that was looked at before.
  if (rules.origins.includes('*') || site === 'same-origin') return true;
  if (origin === undefined) return site !== 'cross-site';
  if (rules.origins.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  const asked =
    host !== undefined && URL.canParse(`${page.protocol}//${host}`) ? new URL(`${page.protocol}//${host}`) : null;
  if (rules.open && !isKnownHost(page.host, rules.hosts)) return false;
  if (rules.origins.length > 0) return page.origin === asked?.origin && page.origin !== 'null';
  return isThisMachine(page.hostname) || (page.hostname !== '' && page.hostname === asked?.hostname);
}

/** True for a host, port and all, that no stranger can have made to point here. */
function isKnownHost(host: string, listed: readonly string[]): boolean {
  if (listed.includes('*')) return true;
  if (!/^[\w.:[\]-]+$/.test(host) || !URL.canParse(`http://${host}`)) return false;
  const name = new URL(`http://${host}`).hostname.replace(/\.$/, '');
  return (
    isIP(name.replace(/^\[|\]$/g, '')) !== 0 ||
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    listed.includes(name)
  );
}

function isThisMachine(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.[\d.]+$/.test(hostname)
  );
}
