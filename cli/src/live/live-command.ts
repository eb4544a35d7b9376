import { Option, type Command } from '@commander-js/extra-typings';
import {
  MurmurationError,
  type LiveClosed,
  type LiveOptions,
  type LiveSession,
  type Murmuration,
} from '@murmuration/client/node';
import { type CommandContext, clientFor, SERVER_OPTIONS, textLike, wholeNumber, STATUS } from '../commands.js';
import { UsageError, type Terminal } from '../terminal.js';
import { ENCODINGS, type PcmSource, wavOrRaw, microphone } from './audio-input.js';
import { LiveDisplay } from './live-display.js';

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

/** What `murmur live` is given. */
interface LiveArguments {
  readonly client: Murmuration;
  /** Standard input in place of the microphone; what it is, where it does not say so itself. */
  readonly raw: Omit<PcmSource, 'audio'> | null;
  readonly settings: LiveOptions;
  readonly withTimes: boolean;
  readonly json: boolean;
}

/** Speaks into a live session until the audio ends or Ctrl-C, then waits for the last text. Answers the exit status. Throws `UnusableInput`, `MurmurationError`, `Interrupted` before anything was heard. */
async function runLive(asked: LiveArguments, terminal: Terminal): Promise<number> {
  const interrupted = terminal.interrupted();
  const stopping = new AbortController();
  const stop = (): void => {
    stopping.abort(interrupted.reason);
  };
  interrupted.addEventListener('abort', stop, { once: true });
  if (interrupted.aborted) stop();
  try {
    const source = await sourceOf(asked.raw, terminal, stopping.signal);
    const session = asked.client.live({
      ...asked.settings,
      encoding: source.encoding,
      sample_rate: source.sampleRateHz,
      channels: source.channels,
    });
    return await speakAndShow(session, source, asked, terminal, stopping.signal);
  } finally {
    interrupted.removeEventListener('abort', stop);
    stopping.abort();
  }
}

async function sourceOf(raw: LiveArguments['raw'], terminal: Terminal, stopped: AbortSignal): Promise<PcmSource> {
  if (raw === null) return microphone(stopped);
  const neverHeard = new Promise<never>((_resolve, reject) => {
    stopped.addEventListener(
      'abort',
      () => {
        reject(stopped.reason as Error);
      },
      { once: true },
    );
  });
  neverHeard.catch(() => undefined);
  return Promise.race([wavOrRaw(terminal.input, raw), neverHeard]);
}

async function speakAndShow(
  session: LiveSession,
  { audio }: PcmSource,
  { withTimes, json }: LiveArguments,
  terminal: Terminal,
  stopped: AbortSignal,
): Promise<number> {
  let fault: unknown;
  const speaking = speak(session, audio, stopped).catch((error: unknown) => {
    // What ended the session is told below; of what ended the audio only this one knows.
    fault = error;
    session.cancel();
  });
  const display = new LiveDisplay(terminal, withTimes);
  let closed: LiveClosed | null = null;
  try {
    for await (const event of session) {
      if (event.type === 'closed') closed = event;
      // A token lets its holder into the session: it is nobody else's business.
      if (json) terminal.out(`${JSON.stringify(event.type === 'ready' ? { ...event, token: undefined } : event)}\n`);
      else display.show(event);
    }
  } finally {
    display.clear();
  }
  if (closed === null) {
    await speaking;
    throw fault instanceof Error ? fault : new MurmurationError('session_ended', 'The session has ended.');
  }
  if (closed.totals.end !== 'finished') terminal.err(`the session was ended: ${closed.totals.end}\n`);
  return closed.totals.end === 'finished' ? STATUS.done : STATUS.failed;
}

/** Gives what is spoken to the session, then finishes it: also when the user has heard enough. */
async function speak(session: LiveSession, audio: AsyncIterable<Uint8Array>, stopped: AbortSignal): Promise<void> {
  const finish = (): void => {
    session.finish();
  };
  stopped.addEventListener('abort', finish, { once: true });
  if (stopped.aborted) finish();
  try {
    for await (const piece of audio) {
      if (stopped.aborted) return;
      await session.send(piece);
    }
    session.finish();
  } finally {
    stopped.removeEventListener('abort', finish);
  }
}
