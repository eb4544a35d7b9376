import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SCOPES } from '@murmuration/access';
import type { CliConfig } from '../config.js';
import { UsageError, type Terminal } from '../terminal.js';
import { createCommand } from './create.js';
import type { KeysArguments } from './keys-arguments.js';
import { listCommand } from './list.js';
import { revokeCommand } from './revoke.js';

export const KEYS_USAGE = `murmur keys create NAME [--scopes S,S] [--weight N] [--expires E]   make an API key; it is printed once and stored nowhere
murmur keys list                       the keys of the file, without what they are
murmur keys revoke ID                  end a key; every node refuses it within five seconds

NAME owns the key's jobs; a second key of the same name owns them too, so that keys can be rotated.

  --scopes S,S   of ${SCOPES.join(', ')}; transcribe,jobs,read unless told
  --weight N     share of the work against other keys, above 0; 1 unless told
  --expires E    30m, 12h, 90d, 52w, or 2027-01-31T00:00:00Z; never unless told
  --file F       the file of keys, else that of API_KEYS_FILE
  --json         for programs: one JSON document on standard output
`;

type Command = (asked: KeysArguments, terminal: Terminal) => Promise<number>;

const COMMANDS: Readonly<
  Record<string, { readonly run: Command; readonly subject: string | null; readonly makes: boolean }>
> = {
  create: { run: createCommand, subject: 'whose it is', makes: true },
  list: { run: listCommand, subject: null, makes: false },
  revoke: { run: revokeCommand, subject: 'the id of the key', makes: false },
};

/** `murmur keys …`; answers the exit status. Throws `UsageError`, and `KeyFileError` when the file cannot be read, used or written. */
export async function keysCommand(
  args: readonly string[],
  readConfig: () => CliConfig,
  terminal: Terminal,
): Promise<number> {
  const { values, positionals } = parse(args);
  if (values.help === true) {
    terminal.out(KEYS_USAGE);
    return 0;
  }
  const [name, ...subjects] = positionals;
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (name === undefined || command === undefined)
    throw new UsageError(
      name === undefined
        ? 'murmur keys: say create, list or revoke'
        : `murmur keys ${name}: there is create, list and revoke`,
    );
  if (command.subject !== null && subjects[0] === undefined)
    throw new UsageError(`murmur keys ${name}: say ${command.subject}`);
  const surplus = subjects[command.subject === null ? 0 : 1];
  if (surplus !== undefined) throw new UsageError(`murmur keys ${name}: ${surplus} is one too many`);
  const { scopes, weight, expires } = values;
  if (!command.makes && [scopes, weight, expires].some((value) => value !== undefined))
    throw new UsageError(`murmur keys ${name} takes no --scopes, --weight or --expires`);
  const file = values.file === undefined ? readConfig().API_KEYS_FILE : resolve(values.file);
  if (file === undefined) throw new UsageError('murmur keys: say which file, with --file or API_KEYS_FILE');
  return command.run(
    {
      file,
      subject: subjects[0] ?? '',
      scopes:
        scopes === undefined
          ? null
          : scopes
              .split(',')
              .map((scope) => scope.trim())
              .filter((scope) => scope !== ''),
      weight: weight === undefined ? null : numberOf(weight),
      expires: expires ?? null,
      json: values.json ?? false,
    },
    terminal,
  );
}

function numberOf(text: string): number {
  if (!/^\d{1,6}(?:\.\d{1,6})?$/.test(text)) throw new UsageError('--weight takes a number above 0');
  return Number(text);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        scopes: { type: 'string' },
        weight: { type: 'string' },
        expires: { type: 'string' },
        file: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split('. ')[0] : String(error));
  }
}
