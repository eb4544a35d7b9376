import { KeyFileError } from '@murmuration/access';
import { HubFault, ModelFileFault } from '@murmuration/asr';
import { EnvironmentError } from '@murmuration/runtime';
import { readConfig } from './config.js';
import { KEYS_USAGE, keysCommand } from './keys/keys-command.js';
import { MODELS_USAGE, modelsCommand } from './models/models-command.js';
import { UsageError, type Terminal } from './terminal.js';

const USAGE = `${MODELS_USAGE}\n${KEYS_USAGE}`;

/** Runs a command line and answers the exit status: 0 done, 1 it could not be done, 2 it means nothing. Throws only what is a fault of this program. */
export async function run(args: readonly string[], environment: Readonly<Record<string, string | undefined>>, terminal: Terminal): Promise<number> {
  const [group, ...rest] = args;
  try {
    if (group === '--help' || group === '-h' || group === 'help') {
      terminal.out(USAGE);
      return 0;
    }
    if (group === 'models') return await modelsCommand(rest, () => readConfig(environment), terminal);
    if (group === 'keys') return await keysCommand(rest, () => readConfig(environment), terminal);
    throw new UsageError(group === undefined ? 'murmur: say what to do' : `murmur ${group}: there is no such command`);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`${error.message}\n\n${USAGE}`);
      return 2;
    }
    if (!(error instanceof ModelFileFault) && !(error instanceof HubFault) && !(error instanceof KeyFileError) && !(error instanceof EnvironmentError)) throw error;
    terminal.err(`${error.message}\n`);
    return 1;
  }
}
