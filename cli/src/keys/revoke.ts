import { revokeKey } from '@murmuration/access';
import type { Terminal } from '../terminal.js';
import type { KeysArguments } from './keys-arguments.js';

/** `murmur keys revoke ID`. */
export async function revokeCommand({ file, subject, json }: KeysArguments, terminal: Terminal): Promise<number> {
  const { id, name } = await revokeKey(file, subject);
  terminal.out(
    json
      ? `${JSON.stringify({ id, name, revoked: true })}\n`
      : `${id} of ${name} is revoked: every node refuses it within five seconds.\n`,
  );
  return 0;
}
