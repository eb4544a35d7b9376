import type { CliConfig } from '../config.js';
import { choice, count, parseOptions } from '../parse-options.js';
import { SERVER_OPTIONS, SERVER_USAGE, clientFor } from '../server/server-options.js';
import { UsageError, type Terminal } from '../terminal.js';
import { ENCODINGS } from './pcm-source.js';
import { runLive } from './run-live.js';

export const LIVE_USAGE = `murmur live [-]                        speech in, text out while it is spoken: the microphone, or - for standard input

Records through arecord or sox, whichever is installed. Standard input is a WAV file or bare samples, as of
ffmpeg -i URL -f wav - | murmur live -. Each utterance is a line of standard output when it is final; what is understood
so far stands below it on a terminal. A connection that breaks is made again, and nothing is lost. Ctrl-C ends the
speech and waits for the last text; a second one does not wait.

  --language L         ISO 639-1 code
  --model M            a model that the server serves
  --endpointing-ms N   silence that ends an utterance
  --times              the time of each utterance before its text
  --rate N, --channels N, --encoding E   of bare samples; E is ${ENCODINGS.join(', ')}; 16000, 1 and pcm_s16le unless told
  --json               for programs: one line of JSON an event
  --relay URL          the socket itself (ws://…), where it is not /ws/transcribe of the server
${SERVER_USAGE}
Exit status: 0 all that was spoken is written; 1 it could not be done; 2 the command line means nothing;
3 the server cannot be reached; 130 a second Ctrl-C.
`;

/** `murmur live …`; answers the exit status. Throws `UsageError`, `UnusableInput`, `MurmurationError`. */
export async function liveCommand(
  args: readonly string[],
  readConfig: () => CliConfig,
  terminal: Terminal,
): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    ...SERVER_OPTIONS,
    language: { type: 'string' },
    model: { type: 'string' },
    'endpointing-ms': { type: 'string' },
    rate: { type: 'string' },
    channels: { type: 'string' },
    encoding: { type: 'string' },
    relay: { type: 'string' },
    times: { type: 'boolean' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help === true) {
    terminal.out(LIVE_USAGE);
    return 0;
  }
  const [input, surplus] = positionals;
  if (surplus !== undefined) throw new UsageError(`murmur live: ${surplus} is one too many`);
  if (input !== undefined && input !== '-')
    throw new UsageError(`murmur live: ${input} is neither the microphone nor -; murmur transcribe takes files`);
  if (input === undefined && (values.rate ?? values.channels ?? values.encoding) !== undefined)
    throw new UsageError('murmur live: --rate, --channels and --encoding are of standard input: say -');
  if (values.relay !== undefined && !/^wss?:\/\/./.test(values.relay))
    throw new UsageError('--relay takes a ws(s) address');
  return runLive(
    {
      client: clientFor(values, readConfig()),
      raw:
        input === undefined
          ? null
          : {
              encoding: choice('--encoding', values.encoding, ENCODINGS, 'pcm_s16le'),
              sampleRateHz: count('--rate', values.rate, { absent: 16_000, most: 192_000 }),
              channels: count('--channels', values.channels, { absent: 1, most: 16 }),
            },
      settings: {
        url: values.relay,
        language: values.language,
        model: values.model,
        endpointing_ms:
          values['endpointing-ms'] === undefined
            ? undefined
            : count('--endpointing-ms', values['endpointing-ms'], { absent: 400, most: 10_000 }),
        interim_results: terminal.isWatched || values.json === true,
      },
      withTimes: values.times ?? false,
      json: values.json ?? false,
    },
    terminal,
  );
}
