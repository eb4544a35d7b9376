import type { Instance } from '../../scripts/setup/instance.mjs';
import type { CliConfig, Environment } from './config.js';
import type { Terminal } from './terminal.js';

/** What `npm start` has already, or has under way, when it calls `murmur up`. */
export interface UpGiven {
  /** The mark of the running start. */
  readonly instance?: Instance;
  /** Resolves when the files of the default model are there. */
  readonly files?: Promise<void> | undefined;
}

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
