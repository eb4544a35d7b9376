import { Option, type Command } from '@commander-js/extra-typings';
import { textLike, wholeNumber } from '../commands.js';

const MOST_WORKERS = 64;
const MOST_BALANCED = 16;

const EXPLAINED = `
npm start -- [options] [FILE...] does the same after the set-up; murmur up needs a checkout that is compiled.

Transcribes the bundled sample, or the recordings FILE..., through the HTTP service, then serves until Ctrl-C.

Variables: API_HOST and API_PORT (127.0.0.1, 8000), RELAY_HOST, WS_PORT and GRPC_PORT (127.0.0.1, 8765, 50051),
WHISPERLIVE_PORT, VOSK_PORT and WYOMING_PORT (closed unless set), OTEL_EXPORTER_OTLP_ENDPOINT (traces; off unless set),
METRICS_PORT (9100 for the HTTP service, one above it the relay, the workers from two above it, then further HTTP services
and relays), REDIS_URL (unset: a Redis of its own on a free port), API_KEY (shown with the transcription where API_KEYS_FILE
asks for one), MODEL_CACHE, STATE_DIR (logs and Redis data: .murmuration); 0 in a port variable takes a free one. All other
variables reach the services as they are; docs/operations.md lists them.
`;

/** What a command line asks for. */
export interface UpArguments {
  readonly once: boolean;
  readonly apis: number;
  readonly relays: number;
  readonly workers: number;
  readonly model: string | null;
  readonly ownRedis: boolean;
  readonly files: readonly string[];
}

/** Adds `up` with what it takes; `act` is called with what the command line asks for. */
export function addUpArguments(program: Command, act: (asked: UpArguments) => Promise<void> | void): void {
  program
    .command('up')
    .description('Starts Murmuration on this machine: Redis, the HTTP service, the relay and the workers.')
    .argument('[FILE...]', 'recordings to transcribe')
    .option('--once', 'end after the transcription, with its exit status')
    .addOption(new Option('--workers <N>', 'how many workers').argParser(wholeNumber(1, MOST_WORKERS)).default(1))
    .addOption(
      new Option('--api <N>', 'how many HTTP services, behind a balancer where there is more than one')
        .argParser(wholeNumber(1, MOST_BALANCED))
        .default(1),
    )
    .addOption(
      new Option('--relays <N>', 'how many relays, likewise').argParser(wholeNumber(1, MOST_BALANCED)).default(1),
    )
    .addOption(
      new Option(
        '--model <NAME>',
        'model of the workers: a name or a folder (sets MODEL_PATH; default moonshine-tiny)',
      ).argParser(textLike(/./, 'the name of a model or a folder')),
    )
    .option('--no-redis', 'start no Redis: use that of REDIS_URL, or redis://127.0.0.1:6379')
    .addHelpText('after', EXPLAINED)
    .action((files, options) =>
      act({
        once: options.once ?? false,
        apis: options.api,
        relays: options.relays,
        workers: options.workers,
        model: options.model ?? null,
        ownRedis: options.redis,
        files,
      }),
    );
}
