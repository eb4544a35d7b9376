import type { CliConfig, Environment } from './config.js';
import type { Terminal } from './terminal.js';
import type { UpGiven } from './up/up-command.js';

/** What the commands share. */
export interface CommandContext {
  readonly environment: Environment;
  /** Throws `EnvironmentError`. */
  readonly readConfig: () => CliConfig;
  readonly terminal: Terminal;
  /** For `up`. */
  readonly up: UpGiven;
  /** The exit status, which the command that ran has set. */
  status: number;
}
