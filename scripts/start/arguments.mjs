import { parseArgs } from 'node:util';

export const USAGE = `npm start -- [options] [FILE…]

Starts Murmuration on this machine: Redis, the HTTP door, the relay and the workers. Transcribes the bundled sample, or the
recordings FILE…, through the front door, then serves until Ctrl-C.

  --once         end after the transcription, with its exit status
  --workers N    how many workers (default 1)
  --model NAME   model of the workers: a name or a folder (sets MODEL_PATH; default moonshine-tiny)
  --no-redis     start no Redis: use that of REDIS_URL, or redis://127.0.0.1:6379
  --help         show this

Variables: API_HOST and API_PORT (127.0.0.1, 8000), RELAY_HOST, WS_PORT and GRPC_PORT (127.0.0.1, 8765, 50051),
METRICS_PORT (9100 for the HTTP door, one above it the relay, the workers from two above it),
REDIS_URL (unset: a Redis of its own on a free port), API_KEY (shown with the transcription where API_KEYS_FILE asks for
one), MODEL_CACHE, STATE_DIR (logs and Redis data: .murmuration); 0 in a port variable takes a free one. All other
variables reach the services as they are; docs/operations.md lists them.`;

/** A command line that means nothing; the message says which part of it. */
export class UsageError extends Error {
  name = 'UsageError';
}

const MOST_WORKERS = 64;

/** What a command line asks for. Throws `UsageError`. */
export function parseStartArguments(args) {
  const { values, positionals } = parse(args);
  const workers = values.workers === undefined ? 1 : Number(values.workers);
  if (!Number.isInteger(workers) || workers < 1 || workers > MOST_WORKERS) throw new UsageError(`--workers takes a whole number from 1 to ${String(MOST_WORKERS)}`);
  if (values.model === '') throw new UsageError('--model takes the name of a model or a folder');
  return {
    once: values.once ?? false,
    workers,
    model: values.model ?? null,
    ownRedis: !(values['no-redis'] ?? false),
    help: values.help ?? false,
    files: positionals,
  };
}

function parse(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        once: { type: 'boolean' },
        workers: { type: 'string' },
        model: { type: 'string' },
        'no-redis': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    // The rest of Node's sentence explains `--`, which npm has taken already.
    throw new UsageError(error.message.split('. ')[0]);
  }
}
