import { KeyFileError } from '@murmuration/access';
import { HubFault, ModelFileFault } from '@murmuration/asr';
import { MurmurationError } from '@murmuration/client/node';
import { EnvironmentError } from '@murmuration/runtime';
import { readConfig, type CliConfig, type Environment } from './config.js';
import { JOBS_USAGE, jobsCommand } from './jobs/jobs-command.js';
import { KEYS_USAGE, keysCommand } from './keys/keys-command.js';
import { LIVE_USAGE, liveCommand } from './live/live-command.js';
import { UnusableInput } from './live/unusable-input.js';
import { MODELS_USAGE, modelsCommand } from './models/models-command.js';
import { sentence, statusOf } from './server/fault.js';
import { Interrupted, UsageError, type Terminal } from './terminal.js';
import { TRANSCRIBE_USAGE, transcribeCommand } from './transcribe/transcribe-command.js';
import { UP_USAGE } from './up/up-arguments.js';
import type { UpGiven } from './up/up-command.js';

interface Context {
  readonly environment: Environment;
  readonly readConfig: () => CliConfig;
  readonly terminal: Terminal;
  readonly up: UpGiven;
}

type Command = (args: readonly string[], readConfig: () => CliConfig, terminal: Terminal) => Promise<number>;

function withConfig(command: Command): Group['run'] {
  return (args, { readConfig: read, terminal }) => command(args, read, terminal);
}

interface Group {
  readonly usage: string;
  readonly run: (args: readonly string[], context: Context) => Promise<number>;
}

const GROUPS: Readonly<Record<string, Group>> = {
  up: {
    usage: UP_USAGE,
    run: async (args, { environment, terminal, up }) =>
      (await import('./up/up-command.js')).upCommand(args, environment, terminal, up),
  },
  transcribe: { usage: TRANSCRIBE_USAGE, run: withConfig(transcribeCommand) },
  live: { usage: LIVE_USAGE, run: withConfig(liveCommand) },
  jobs: { usage: JOBS_USAGE, run: withConfig(jobsCommand) },
  models: { usage: MODELS_USAGE, run: withConfig(modelsCommand) },
  keys: { usage: KEYS_USAGE, run: withConfig(keysCommand) },
};
const USAGE = Object.values(GROUPS)
  .map(({ usage }) => usage)
  .join('\n');

/** Runs a command line and answers the exit status: 0 done, 1 it could not be done, 2 it means nothing, 3 the server cannot be reached, 130 Ctrl-C. Throws only what is a fault of this program. */
export async function run(
  args: readonly string[],
  environment: Environment,
  terminal: Terminal,
  up: UpGiven = {},
): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h' || name === 'help') {
    terminal.out(USAGE);
    return 0;
  }
  const group = name !== undefined && Object.hasOwn(GROUPS, name) ? GROUPS[name] : undefined;
  if (group === undefined) {
    terminal.err(
      `${name === undefined ? 'murmur: say what to do' : `murmur ${name}: there is no such command`}\n\n${USAGE}`,
    );
    return 2;
  }
  try {
    return await group.run(rest, { environment, readConfig: () => readConfig(environment), terminal, up });
  } catch (error) {
    if (error instanceof Interrupted) return error.status;
    if (error instanceof UsageError) {
      terminal.err(`${error.message}\n\n${group.usage}`);
      return 2;
    }
    if (error instanceof MurmurationError) {
      terminal.err(`${sentence(error)}\n`);
      return statusOf(error);
    }
    if (
      ![ModelFileFault, HubFault, KeyFileError, EnvironmentError, UnusableInput].some(
        (kind) => error instanceof kind,
      ) ||
      !(error instanceof Error)
    )
      throw error;
    terminal.err(`${error.message}\n`);
    return 1;
  }
}
