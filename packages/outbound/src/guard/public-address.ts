import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';

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
  if (plain.kind() === 'ipv6' && (plain as ipaddr.IPv6).match(NAT64)) return ipaddr.fromByteArray(plain.toByteArray().slice(12)).toString();
  return plain.toString();
}
