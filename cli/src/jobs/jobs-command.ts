import type { CliConfig } from '../config.js';
import { FORMATS } from '../output/formats.js';
import { SUBTITLE_OPTIONS, SUBTITLE_USAGE, subtitleLayout } from '../output/subtitle-options.js';
import { choice, count, parseOptions } from '../parse-options.js';
import { SERVER_OPTIONS, SERVER_USAGE, clientFor } from '../server/server-options.js';
import { UsageError, type Terminal } from '../terminal.js';
import { cancelCommand } from './cancel.js';
import { STATUSES, type JobsArguments } from './jobs-arguments.js';
import { listCommand } from './list.js';
import { resultCommand } from './result.js';
import { showCommand } from './show.js';
import { watchCommand } from './watch.js';

const LIMIT = 50;
const MOST_LISTED = 100_000;

export const JOBS_USAGE = `murmur jobs list [--status S] [--after T] [--before T] [--limit N]   jobs, newest first
murmur jobs show ID                    all about one
murmur jobs watch ID                   its text as it comes, from the first; ends with the job, Ctrl-C lets it go on
murmur jobs cancel ID …                end jobs; what is kept of them is deleted
murmur jobs result ID [-f F] [-o DIR]  the transcript

  --status S       ${STATUSES.join(', ')}
  --after T, --before T   made after, before: 2027-01-31T00:00:00Z
  --limit N        at most so many; ${String(LIMIT)} unless told
  -f, --format F   ${FORMATS.join(', ')}; txt unless told
  -o, --output DIR write DIR/ID.F instead of printing
  --json           for programs: one line of JSON a job or event
${SUBTITLE_USAGE}${SERVER_USAGE}
Exit status: 0 done; 1 it could not be done, or the watched job failed; 2 the command line means nothing;
3 the server cannot be reached; 130 Ctrl-C.
`;

interface Command {
  readonly run: (asked: JobsArguments, terminal: Terminal) => Promise<number>;
  /** Ids that it takes. */
  readonly ids: readonly [least: number, most: number];
  readonly options: readonly string[];
}

const LAYOUT = Object.keys(SUBTITLE_OPTIONS) as (keyof typeof SUBTITLE_OPTIONS)[];

const COMMANDS: Readonly<Record<string, Command>> = {
  list: { run: listCommand, ids: [0, 0], options: ['status', 'after', 'before', 'limit'] },
  show: { run: showCommand, ids: [1, 1], options: [] },
  watch: { run: watchCommand, ids: [1, 1], options: [] },
  cancel: { run: cancelCommand, ids: [1, Number.POSITIVE_INFINITY], options: [] },
  result: { run: resultCommand, ids: [1, 1], options: ['format', 'output', ...LAYOUT] },
};
const OPTIONS_OF_SOME = ['status', 'after', 'before', 'limit', 'format', 'output', ...LAYOUT] as const;

/** `murmur jobs …`; answers the exit status. Throws `UsageError`, `Interrupted`, and `MurmurationError` when the server refuses. */
export async function jobsCommand(
  args: readonly string[],
  readConfig: () => CliConfig,
  terminal: Terminal,
): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    ...SERVER_OPTIONS,
    ...SUBTITLE_OPTIONS,
    status: { type: 'string' },
    after: { type: 'string' },
    before: { type: 'string' },
    limit: { type: 'string' },
    format: { type: 'string', short: 'f' },
    output: { type: 'string', short: 'o' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help === true) {
    terminal.out(JOBS_USAGE);
    return 0;
  }
  const [name, ...ids] = positionals;
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (name === undefined || command === undefined)
    throw new UsageError(
      name === undefined
        ? 'murmur jobs: say list, show, watch, cancel or result'
        : `murmur jobs ${name}: there is list, show, watch, cancel and result`,
    );
  const [least, most] = command.ids;
  if (ids.length < least) throw new UsageError(`murmur jobs ${name}: say which job`);
  if (ids.length > most) throw new UsageError(`murmur jobs ${name}: ${String(ids[most])} is one too many`);
  const surplus = OPTIONS_OF_SOME.find((option) => values[option] !== undefined && !command.options.includes(option));
  if (surplus !== undefined) throw new UsageError(`murmur jobs ${name} takes no --${surplus}`);
  const format = choice('--format', values.format, FORMATS, 'txt');
  return command.run(
    {
      client: clientFor(values, readConfig()),
      ids,
      json: values.json ?? false,
      status: values.status === undefined ? undefined : choice('--status', values.status, STATUSES, 'done'),
      limit: count('--limit', values.limit, { absent: LIMIT, most: MOST_LISTED }),
      after: values.after,
      before: values.before,
      format,
      layout: subtitleLayout(values, format),
      folder: values.output ?? null,
    },
    terminal,
  );
}
