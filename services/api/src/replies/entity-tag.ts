import { createHash } from 'node:crypto';

/** A strong entity tag (RFC 9110, 8.8.3) of a text: equal texts have equal tags, others do not. */
export function entityTag(text: string): string {
  return `"${createHash('sha256').update(text).digest('base64url')}"`;
}

/** True when `If-None-Match` says that the client has this text already. The weak comparison, as RFC 9110, 13.1.2 wants it. */
export function clientHas(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === tag);
}
