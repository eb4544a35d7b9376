import { AsrError } from '@murmuration/contracts';
import type { Allowlist } from './allowlist.js';
import { isOwnAddress, isPublicAddress } from './public-address.js';

/**
 * Throws `url_not_allowed` unless the address may be connected to: it is public and not this machine's own, or listed, or the URL's name is listed.
 * @param name as the URL has it, an address too
 */
export function requireReachable(allowlist: Allowlist, name: string, address: string, port: number): void {
  if ((isPublicAddress(address) && !isOwnAddress(address)) || allowlist.hasName(name, port) || allowlist.hasAddress(address, port)) return;
  throw new AsrError('url_not_allowed', 'The URL leads to an address that is not public, or to this machine. Use a public one, or have the operator list it in URL_ALLOWLIST.', { param: 'url' });
}
