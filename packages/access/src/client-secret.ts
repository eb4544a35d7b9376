/** The form of a client secret as a client shows it: the secret, and after a dot what was attached to it, url-safe. */
const SHOWN = /^(ek_[\w-]+)(?:\.([\w-]+))?$/;

/** A client secret with text attached that is given back by `openClientSecret`; nothing is hidden by it, and nothing keeps its holder from changing it. */
export function sealClientSecret(secret: string, attached: string): string {
  return attached === '' ? secret : `${secret}.${Buffer.from(attached, 'utf8').toString('base64url')}`;
}

/** The parts of what a client shows, or null when it is no client secret. Nothing says yet that it is a good one. */
export function openClientSecret(shown: string): { readonly secret: string; readonly attached: string } | null {
  const [, secret, attached] = SHOWN.exec(shown) ?? [];
  return secret === undefined ? null : { secret, attached: Buffer.from(attached ?? '', 'base64url').toString('utf8') };
}
