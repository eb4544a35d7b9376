import type { CliConfig } from '../config.js';
import { FORMATS } from '../output/formats.js';
import { SUBTITLE_OPTIONS, SUBTITLE_USAGE, subtitleLayout } from '../output/subtitle-options.js';
import { choice, count, parseOptions } from '../parse-options.js';
import { SERVER_OPTIONS, SERVER_USAGE, clientFor } from '../server/server-options.js';
import { UsageError, type Terminal } from '../terminal.js';
import { transcribeAll } from './transcribe-all.js';

const PARALLEL = 4;
const MOST_PARALLEL = 64;

export const TRANSCRIBE_USAGE = `murmur transcribe FILE|URL|- …          recordings in, text out; - is standard input

Recordings become jobs of the server: they are sent as they are read, several at once, and followed to their end.
Text goes to standard output, or with -o into one file a recording. Ctrl-C cancels the jobs.

  -f, --format F       ${FORMATS.join(', ')}; txt unless told
  -o, --output DIR     write DIR/NAME.F for each recording instead, each whole or not at all
  --language L         ISO 639-1 code; found by the model unless told
  --model M            a model that the server serves
  --word-timestamps    the time of each word
  --priority P         interactive or batch; interactive unless told
  --parallel N         recordings in hand at once; ${String(PARALLEL)} unless told
  --json               for programs: one line of JSON a recording, when it ends
${SUBTITLE_USAGE}${SERVER_USAGE}
Exit status: 0 all done; 1 some failed; 2 the command line means nothing; 3 the server cannot be reached; 130 Ctrl-C.
`;

/** `murmur transcribe …`; answers the exit status. Throws `UsageError`, `Interrupted`. */
export async function transcribeCommand(
  args: readonly string[],
  readConfig: () => CliConfig,
  terminal: Terminal,
): Promise<number> {
  const { values, positionals: inputs } = parseOptions(args, {
    ...SERVER_OPTIONS,
    ...SUBTITLE_OPTIONS,
    format: { type: 'string', short: 'f' },
    output: { type: 'string', short: 'o' },
    language: { type: 'string' },
    model: { type: 'string' },
    priority: { type: 'string' },
    parallel: { type: 'string' },
    'word-timestamps': { type: 'boolean' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help === true) {
    terminal.out(TRANSCRIBE_USAGE);
    return 0;
  }
  const format = choice('--format', values.format, FORMATS, 'txt');
  const layout = subtitleLayout(values, format);
  const folder = values.output ?? null;
  const json = values.json ?? false;
  if (inputs.length === 0) throw new UsageError('murmur transcribe: say which recordings');
  if (inputs.filter((input) => input === '-').length > 1)
    throw new UsageError('murmur transcribe: standard input can be read once');
  if (inputs.length > 1 && folder === null && !json && format !== 'txt')
    throw new UsageError(`murmur transcribe: several recordings as ${format} need --output or --json`);
  return transcribeAll(
    {
      client: clientFor(values, readConfig()),
      inputs,
      format,
      layout,
      folder,
      json,
      parallel: count('--parallel', values.parallel, { absent: PARALLEL, most: MOST_PARALLEL }),
      fields: {
        priority: choice('--priority', values.priority, ['interactive', 'batch'], 'interactive'),
        ...(values.language === undefined ? {} : { language: values.language }),
        ...(values.model === undefined ? {} : { model: values.model }),
        ...(values['word-timestamps'] === true || layout.highlight_words === true ? { word_timestamps: true } : {}),
      },
    },
    terminal,
  );
}
