import { createKey } from '@murmuration/access';
import type { Terminal } from '../terminal.js';
import type { KeysArguments } from './keys-arguments.js';

/** `murmur keys create NAME`. The key alone goes to standard output, so that a script can take it. */
export async function createCommand(
  { file, subject, scopes, weight, expires, json }: KeysArguments,
  terminal: Terminal,
): Promise<number> {
  const { key, entry } = await createKey(file, {
    name: subject,
    ...(scopes === null ? {} : { scopes }),
    ...(weight === null ? {} : { weight }),
    ...(expires === null ? {} : { expires }),
  });
  if (json) {
    terminal.out(
      `${JSON.stringify({ key, id: entry.id, name: entry.name, scopes: entry.scopes, weight: entry.weight, created_at: entry.created_at, expires_at: entry.expires_at ?? null })}\n`,
    );
    return 0;
  }
  const end = entry.expires_at === undefined ? 'does not expire' : `ends at ${entry.expires_at}`;
  terminal.err(
    `${entry.id} of ${entry.name} may ${entry.scopes.join(', ')} and ${end}. This is the key; it is shown only now:\n`,
  );
  terminal.out(`${key}\n`);
  return 0;
}
