import { listKeys } from '@murmuration/access';
import { formatTable } from '../table.js';
import type { Terminal } from '../terminal.js';
import type { KeysArguments } from './keys-arguments.js';

/** `murmur keys list`. */
export async function listCommand({ file, json }: KeysArguments, terminal: Terminal): Promise<number> {
  const keys = await listKeys(file);
  if (json) {
    terminal.out(
      `${JSON.stringify({ keys: keys.map(({ createdAt, expiresAt, ...key }) => ({ ...key, created_at: createdAt, expires_at: expiresAt })) }, null, 2)}\n`,
    );
    return 0;
  }
  terminal.out(
    formatTable(
      ['ID', 'NAME', 'MAY', 'WEIGHT', 'CREATED', 'EXPIRES', 'STATE'],
      keys.map((key) => [
        key.id,
        key.name,
        key.scopes.join(','),
        String(key.weight),
        key.createdAt,
        key.expiresAt ?? 'never',
        key.state,
      ]),
    ),
  );
  return 0;
}
