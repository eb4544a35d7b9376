import { isIP } from 'node:net';
import { AsrError } from '@murmuration/contracts';
import type { Allowlist } from './allowlist.js';
import { requireReachable } from './reachable.js';

const MAX_LENGTH = 8_192;

/**
 * Reads a URL that a client named, as far as that goes without asking anybody: http or https, no user and password in it, and
 * not an address that is not public, in whatever form it is written. Names are judged by what they resolve to, when they are connected to.
 * Throws `url_not_allowed`.
 */
export function parseTarget(text: string, allowlist: Allowlist, base?: URL): URL {
  const url = text.length <= MAX_LENGTH && URL.canParse(text, base?.href) ? new URL(text, base) : null;
  if (url === null) throw refused('The URL cannot be read. Send one of at most 8,192 characters that begins with http:// or https://.');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refused('Only http:// and https:// URLs are fetched.');
  if (url.username !== '' || url.password !== '') throw refused('A URL may not hold a user or a password. Use one that is signed, or public.');
  const host = hostOf(url);
  if (isIP(host) !== 0) requireReachable(allowlist, host, host, portOf(url));
  return url;
}

/** The host without the brackets of an IPv6 address. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function refused(message: string): AsrError {
  return new AsrError('url_not_allowed', message, { param: 'url' });
}
