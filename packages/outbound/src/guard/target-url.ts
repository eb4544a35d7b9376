import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { AsrError } from '@murmuration/contracts';
import ipaddr from 'ipaddr.js';
import type { Allowlist } from './allowlist.js';

/** Public by its range, yet each answers only inside a cloud: Azure's virtual public address of the platform. */
const PLATFORM_ADDRESSES: ReadonlySet<string> = new Set(['168.63.129.16']);
/** What IPv6 has given out for the public network so far (RFC 4291). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Networks without IPv4 reach IPv4 addresses under this prefix (RFC 6052); the last 32 bits say which. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/**
 * True when the address is one of the public network: not private, loopback, link-local, carrier-grade NAT, multicast, reserved
 * or of a cloud's platform. An IPv4 address inside an IPv6 one counts as itself. False for what is no address.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const plain = ipaddr.process(address);
  if (plain.kind() === 'ipv4') return plain.range() === 'unicast' && !PLATFORM_ADDRESSES.has(plain.toString());
  const v6 = plain as ipaddr.IPv6;
  if (v6.match(NAT64)) return isPublicAddress(ipaddr.fromByteArray(v6.toByteArray().slice(12)).toString());
  return v6.match(GLOBAL_UNICAST) && v6.range() === 'unicast';
}

/**
 * True when the address is one of this machine's own: its services may be kept from the public network by a firewall that does not stand between them and this process.
 * An IPv4 address inside an IPv6 one counts as itself.
 */
export function isOwnAddress(address: string, interfaces = networkInterfaces()): boolean {
  if (!ipaddr.isValid(address)) return false;
  const plain = unwrapped(address);
  return Object.values(interfaces).some((own) => own?.some((one) => unwrapped(one.address) === plain));
}

function unwrapped(address: string): string {
  const plain = ipaddr.process(address.replace(/%.*$/, ''));
  if (plain.kind() === 'ipv6' && (plain as ipaddr.IPv6).match(NAT64))
    return ipaddr.fromByteArray(plain.toByteArray().slice(12)).toString();
  return plain.toString();
}

/**
 * Throws `url_not_allowed` unless the address may be connected to: it is public and not this machine's own, or listed, or the URL's name is listed.
 * @param name as the URL has it, an address too
 */
export function requireReachable(allowlist: Allowlist, name: string, address: string, port: number): void {
  if (
    (isPublicAddress(address) && !isOwnAddress(address)) ||
    allowlist.hasName(name, port) ||
    allowlist.hasAddress(address, port)
  )
    return;
  throw new AsrError(
    'url_not_allowed',
    'The URL leads to an address that is not public, or to this machine. Use a public one, or have the operator list it in URL_ALLOWLIST.',
    { param: 'url' },
  );
}

const MAX_LENGTH = 8_192;

/**
 * Reads a URL that a client named, as far as that goes without asking anybody: http or https, no user and password in it, and
 * not an address that is not public, in whatever form it is written. Names are judged by what they resolve to, when they are connected to.
 * Throws `url_not_allowed`.
 */
export function parseTarget(text: string, allowlist: Allowlist, base?: URL): URL {
  const url = text.length <= MAX_LENGTH && URL.canParse(text, base?.href) ? new URL(text, base) : null;
  if (url === null)
    throw refused('The URL cannot be read. Send one of at most 8,192 characters that begins with http:// or https://.');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refused('Only http:// and https:// URLs are fetched.');
  if (url.username !== '' || url.password !== '')
    throw refused('A URL may not hold a user or a password. Use one that is signed, or public.');
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
