import { isIP } from 'node:net';

export interface OriginRules {
  /** As `CORS_ORIGINS` lists them; `*` for all. Empty: pages of this machine, and those that come from the host that the socket was asked for. */
  readonly allowed: readonly string[];
  /** True where everybody gets in without a key. A stranger's name can be made to point here, so that page and socket have the same host: then only a host that is an address counts. */
  readonly open: boolean;
}

/**
 * True when a web page of this origin may open a socket. Programs send no origin, and what they may do is up to their key.
 * A browser sends a page's origin with every WebSocket, and nothing but this check keeps a page of a stranger from using a relay that its visitor can reach.
 * @param origin header `origin`, or undefined
 * @param host name and port that the socket was asked for, or undefined
 */
export function originAllowed(origin: string | undefined, host: string | undefined, rules: OriginRules): boolean {
  if (origin === undefined || rules.allowed.includes('*') || rules.allowed.includes(origin)) return true;
  if (rules.allowed.length > 0 || !URL.canParse(origin)) return false;
  const page = new URL(origin).hostname;
  if (isThisMachine(page)) return true;
  const asked = host !== undefined && URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : null;
  return page === asked && (!rules.open || isIP(page.replace(/^\[|\]$/g, '')) !== 0);
}

function isThisMachine(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || /^127\.[\d.]+$/.test(hostname);
}
