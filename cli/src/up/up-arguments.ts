import { count, parseOptions } from '../parse-options.js';
import { UsageError } from '../terminal.js';

const MOST_WORKERS = 64;
const MOST_BALANCED = 16;

export const UP_USAGE = `npm start -- [options] [FILE…]
murmur up [options] [FILE…]            the same without the set-up, in a checkout that is compiled

Starts Murmuration on this machine: Redis, the HTTP service, the relay and the workers. Transcribes the bundled sample, or the
recordings FILE…, through the HTTP service, then serves until Ctrl-C.

  --once         end after the transcription, with its exit status
  --workers N    how many workers (default 1)
  --api N        how many HTTP services (default 1), behind a balancer where there is more than one
  --relays N     how many relays (default 1), likewise
  --model NAME   model of the workers: a name or a folder (sets MODEL_PATH; default moonshine-tiny)
  --no-redis     start no Redis: use that of REDIS_URL, or redis://127.0.0.1:6379
  --help         show this

Variables: API_HOST and API_PORT (127.0.0.1, 8000), RELAY_HOST, WS_PORT and GRPC_PORT (127.0.0.1, 8765, 50051),
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
  readonly help: boolean;
  readonly files: readonly string[];
}

/** Reads them. Throws `UsageError`. */
export function parseUpArguments(args: readonly string[]): UpArguments {
  const { values, positionals } = parseOptions(args, {
    once: { type: 'boolean' },
    workers: { type: 'string' },
    api: { type: 'string' },
    relays: { type: 'string' },
    model: { type: 'string' },
    'no-redis': { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.model === '') throw new UsageError('--model takes the name of a model or a folder');
  return {
    once: values.once ?? false,
    apis: count('--api', values.api, { absent: 1, most: MOST_BALANCED }),
    relays: count('--relays', values.relays, { absent: 1, most: MOST_BALANCED }),
    workers: count('--workers', values.workers, { absent: 1, most: MOST_WORKERS }),
    model: values.model ?? null,
    ownRedis: !(values['no-redis'] ?? false),
    help: values.help ?? false,
    files: positionals,
  };
}
