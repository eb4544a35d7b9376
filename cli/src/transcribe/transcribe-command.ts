import { Option, type Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../command-context.js';
import { wholeNumber } from '../option-values.js';
import { FORMAT, SUBTITLE_OPTIONS, subtitleLayout } from '../output/transcript-output.js';
import { SERVER_OPTIONS, clientFor } from '../server/server-options.js';
import { UsageError } from '../terminal.js';
import { transcribeAll } from './transcribe-all.js';

const EXPLAINED = `
Recordings become jobs of the server: they are sent as they are read, several at once, and followed to their end.
Text goes to standard output, or with -o into one file for each recording. Ctrl-C cancels the jobs.

Exit status: 0 all done; 1 some failed; 2 the command line is wrong; 3 the server cannot be reached; 130 Ctrl-C.`;

/** Adds `murmur transcribe …`. */
export function addTranscribe(program: Command, context: CommandContext): void {
  program
    .command('transcribe')
    .description('Recordings in, text out.')
    .argument('<FILE|URL|-...>', 'recordings; - is standard input')
    .addOption(FORMAT)
    .option('-o, --output <DIR>', 'write DIR/NAME.F for each recording instead, each whole or not at all')
    .option('--language <L>', 'ISO 639-1 code; default what the model hears')
    .option('--model <M>', 'a model that the server serves')
    .option('--word-timestamps', 'the time of each word')
    .addOption(
      new Option('--priority <P>', 'lane of the jobs')
        .choices(['interactive', 'batch'] as const)
        .default('interactive' as const),
    )
    .addOption(new Option('--parallel <N>', 'recordings at the same time').argParser(wholeNumber(1, 64)).default(4))
    .option('--json', 'for programs: one line of JSON for each recording, when it ends')
    .addOption(SUBTITLE_OPTIONS.width)
    .addOption(SUBTITLE_OPTIONS.lines)
    .addOption(SUBTITLE_OPTIONS.words)
    .addOption(SUBTITLE_OPTIONS.highlight)
    .addOption(SERVER_OPTIONS.server)
    .addOption(SERVER_OPTIONS.key)
    .addHelpText('after', EXPLAINED)
    .action(async (inputs, options) => {
      const { format, output: folder = null, json = false, language, model } = options;
      const layout = subtitleLayout(options, format);
      if (inputs.filter((input) => input === '-').length > 1)
        throw new UsageError('murmur transcribe: standard input can be read once');
      if (inputs.length > 1 && folder === null && !json && format !== 'txt')
        throw new UsageError(`murmur transcribe: several recordings as ${format} need --output or --json`);
      context.status = await transcribeAll(
        {
          client: clientFor(options, context.readConfig()),
          inputs,
          format,
          layout,
          folder,
          json,
          parallel: options.parallel,
          fields: {
            priority: options.priority,
            ...(language === undefined ? {} : { language }),
            ...(model === undefined ? {} : { model }),
            ...(options.wordTimestamps === true || layout.highlight_words === true ? { word_timestamps: true } : {}),
          },
        },
        context.terminal,
      );
    });
}
