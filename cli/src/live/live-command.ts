import { Option, type Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../command-context.js';
import { textLike, wholeNumber } from '../option-values.js';
import { SERVER_OPTIONS, clientFor } from '../server/server-options.js';
import { UsageError } from '../terminal.js';
import { ENCODINGS } from './pcm-source.js';
import { runLive } from './run-live.js';

const EXPLAINED = `
Records through arecord or sox, whichever is installed. Standard input is a WAV file or bare samples, as of
ffmpeg -i URL -f wav - | murmur live -. Each utterance is a line of standard output when it is final; what is understood
so far stands below it on a terminal. A connection that breaks is made again, and nothing is lost. Ctrl-C ends the
speech and waits for the last text; a second one does not wait.

Exit status: 0 all that was spoken is written; 1 it could not be done; 2 the command line is wrong;
3 the server cannot be reached; 130 a second Ctrl-C.`;

/** Adds `murmur live …`. It throws `UnusableInput` and `MurmurationError`. */
export function addLive(program: Command, context: CommandContext): void {
  const { terminal } = context;
  program
    .command('live')
    .description('Speech in, text out while it is spoken: the microphone, or - for standard input.')
    .argument('[-]', 'standard input in place of the microphone')
    .option('--language <L>', 'ISO 639-1 code')
    .option('--model <M>', 'a model that the server serves')
    .addOption(new Option('--endpointing-ms <N>', 'silence that ends an utterance').argParser(wholeNumber(1, 10_000)))
    .option('--times', 'the time of each utterance before its text')
    .addOption(new Option('--rate <N>', 'of bare samples, Hz; default 16000').argParser(wholeNumber(1, 192_000)))
    .addOption(new Option('--channels <N>', 'of bare samples; default 1').argParser(wholeNumber(1, 16)))
    .addOption(new Option('--encoding <E>', 'of bare samples; default pcm_s16le').choices(ENCODINGS))
    .option('--json', 'for programs: one line of JSON for each event')
    .addOption(
      new Option('--relay <URL>', 'the socket itself (ws://…), where it is not /ws/transcribe of the server').argParser(
        textLike(/^wss?:\/\/./, 'a ws(s) address'),
      ),
    )
    .addOption(SERVER_OPTIONS.server)
    .addOption(SERVER_OPTIONS.key)
    .addHelpText('after', EXPLAINED)
    .action(async (input, options) => {
      const { rate = 16_000, channels = 1, encoding = 'pcm_s16le' } = options;
      if (input !== undefined && input !== '-')
        throw new UsageError(`murmur live: ${input} is neither the microphone nor -; murmur transcribe takes files`);
      if (input === undefined && (options.rate ?? options.channels ?? options.encoding) !== undefined)
        throw new UsageError('murmur live: --rate, --channels and --encoding are of standard input: say -');
      context.status = await runLive(
        {
          client: clientFor(options, context.readConfig()),
          raw: input === undefined ? null : { encoding, sampleRateHz: rate, channels },
          settings: {
            url: options.relay,
            language: options.language,
            model: options.model,
            endpointing_ms: options.endpointingMs,
            interim_results: terminal.isWatched || options.json === true,
          },
          withTimes: options.times ?? false,
          json: options.json ?? false,
        },
        terminal,
      );
    });
}
