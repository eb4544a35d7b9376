import { resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from '@commander-js/extra-typings';
import { SCOPES, createKey, listKeys, revokeKey } from '@murmuration/access';
import { SERVER_EXIT_STATUS, SERVER_OPTIONS, clientFor, type CommandContext } from '../commands.js';
import { formatTable, UsageError, type Terminal } from '../terminal.js';
import { hours, showUsage } from './show-usage.js';

const FILE = new Option('--file <F>', 'the file of keys; default that of API_KEYS_FILE');
const JSON_OPTION = new Option('--json', 'for programs: one JSON document on standard output');

/** Adds `murmur keys …`. Its commands throw `KeyFileError` when the file cannot be read, used or written. */
export function addKeys(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const fileOf = ({ file }: { readonly file?: string | undefined }): string => {
    const path = file === undefined ? context.readConfig().API_KEYS_FILE : resolve(file);
    if (path === undefined) throw new UsageError('murmur keys: say which file, with --file or API_KEYS_FILE');
    return path;
  };
  const keys = program.command('keys').description('The API keys in a file that services read.');
  keys
    .command('create')
    .description('make an API key; it is printed once and stored nowhere')
    .argument(
      '<NAME>',
      "owner of the key's jobs; a second key of the same name owns them too, so that keys can be rotated",
    )
    .addOption(
      new Option('--scopes <S,S>', `of ${SCOPES.join(', ')}; default transcribe,jobs,read`).argParser((value) =>
        value
          .split(',')
          .map((scope) => scope.trim())
          .filter((scope) => scope !== ''),
      ),
    )
    .addOption(
      new Option('--weight <N>', 'share of the work against other keys, above 0; default 1').argParser(weightOf),
    )
    .addOption(
      new Option(
        '--monthly-audio <T>',
        'audio that the name may use in a calendar month: 90m, 100h; default no bound',
      ).argParser(secondsOf),
    )
    .option('--expires <E>', '30m, 12h, 90d, 52w, or 2027-01-31T00:00:00Z; default never')
    .addOption(FILE)
    .addOption(JSON_OPTION)
    .action(async (name, options) => {
      context.status = await create(fileOf(options), name, options, terminal);
    });
  keys
    .command('list')
    .description('the keys of the file, without the secrets themselves')
    .addOption(FILE)
    .addOption(JSON_OPTION)
    .action(async (options) => {
      context.status = await list(fileOf(options), options.json === true, terminal);
    });
  keys
    .command('usage')
    .description('what a server has counted for the name of the key, a day a line')
    .option('--all', 'of every name, a month a column; the key needs the scope admin')
    .addOption(JSON_OPTION)
    .addOption(SERVER_OPTIONS.server)
    .addOption(SERVER_OPTIONS.key)
    .addHelpText('after', SERVER_EXIT_STATUS)
    .action(async (options) => {
      const client = clientFor(options, context.readConfig());
      context.status = await showUsage(client, options, terminal);
    });
  keys
    .command('revoke')
    .description('end a key; every node refuses it within five seconds')
    .argument('<ID>', 'id of the key, from keys list')
    .addOption(FILE)
    .addOption(JSON_OPTION)
    .action(async (subject, options) => {
      const { id, name } = await revokeKey(fileOf(options), subject);
      terminal.out(
        options.json === true
          ? `${JSON.stringify({ id, name, revoked: true })}\n`
          : `${id} of ${name} is revoked: every node refuses it within five seconds.\n`,
      );
    });
}

function weightOf(text: string): number {
  if (!/^\d{1,6}(?:\.\d{1,6})?$/.test(text)) throw new InvalidArgumentError('It takes a number above 0.');
  return Number(text);
}

/** Seconds of a length such as 90m or 100h. */
function secondsOf(text: string): number {
  const [, count, unit] = /^(\d{1,9}(?:\.\d{1,3})?)([smh])$/.exec(text) ?? [];
  const seconds = Number(count) * (unit === 'h' ? 3_600 : unit === 'm' ? 60 : 1);
  if (!(seconds > 0)) throw new InvalidArgumentError('It takes a length such as 90m or 100h.');
  return seconds;
}

/** The key alone goes to standard output, so that a script can take it. */
async function create(
  file: string,
  owner: string,
  {
    json,
    scopes,
    weight,
    monthlyAudio,
    expires,
  }: {
    readonly json?: true | undefined;
    readonly scopes?: readonly string[] | undefined;
    readonly weight?: number | undefined;
    readonly monthlyAudio?: number | undefined;
    readonly expires?: string | undefined;
  },
  terminal: Terminal,
): Promise<number> {
  const { key, entry } = await createKey(file, {
    name: owner,
    ...(scopes === undefined ? {} : { scopes }),
    ...(weight === undefined ? {} : { weight }),
    ...(monthlyAudio === undefined ? {} : { monthlyAudioSeconds: monthlyAudio }),
    ...(expires === undefined ? {} : { expires }),
  });
  if (json === true) {
    terminal.out(
      `${JSON.stringify({ key, id: entry.id, name: entry.name, scopes: entry.scopes, weight: entry.weight, monthly_audio_seconds: entry.monthly_audio_seconds ?? null, created_at: entry.created_at, expires_at: entry.expires_at ?? null })}\n`,
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

async function list(file: string, json: boolean, terminal: Terminal): Promise<number> {
  const keys = await listKeys(file);
  if (json) {
    terminal.out(
      `${JSON.stringify({ keys: keys.map(({ createdAt, expiresAt, monthlyAudioSeconds, ...key }) => ({ ...key, monthly_audio_seconds: monthlyAudioSeconds, created_at: createdAt, expires_at: expiresAt })) }, null, 2)}\n`,
    );
    return 0;
  }
  terminal.out(
    formatTable(
      ['ID', 'NAME', 'MAY', 'WEIGHT', 'HOURS A MONTH', 'CREATED', 'EXPIRES', 'STATE'],
      keys.map((key) => [
        key.id,
        key.name,
        key.scopes.join(','),
        String(key.weight),
        key.monthlyAudioSeconds === null ? 'any' : hours(key.monthlyAudioSeconds),
        key.createdAt,
        key.expiresAt ?? 'never',
        key.state,
      ]),
    ),
  );
  return 0;
}
