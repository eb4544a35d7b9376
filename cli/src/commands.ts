import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { Murmuration, MurmurationError } from '@murmuration/client/node';
import type { CliConfig, Environment } from './config.js';
import type { Instance } from '../../scripts/setup/instance.mjs';
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

/** Reads an option's whole number, for `argParser`. */
export function wholeNumber(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : -1;
    if (number < least || number > most)
      throw new InvalidArgumentError(`It takes a whole number from ${String(least)} to ${String(most)}.`);
    return number;
  };
}

/** Reads an option's text, which must be like the pattern; `what` says what it takes, for example "a ws(s) address". */
export function textLike(pattern: RegExp, what: string): (value: string) => string {
  return (value) => {
    if (!pattern.test(value)) throw new InvalidArgumentError(`It takes ${what}.`);
    return value;
  };
}

/** Options of every command that speaks to a server. */
export const SERVER_OPTIONS = {
  server: new Option('--server <URL>', 'the server; default that of MURMUR_URL, or http://127.0.0.1:8000').argParser(
    textLike(/^https?:\/\/./, 'an http(s) address'),
  ),
  key: new Option(
    '--key <KEY>',
    'the API key; default that of MURMUR_API_KEY. Others on this machine can see a command line, so prefer the variable',
  ),
} as const;

export const SERVER_EXIT_STATUS = `
Exit status: 0 done; 1 it could not be done; 2 the command line is wrong; 3 the server cannot be reached; 130 Ctrl-C.`;

/** A person waits: with these retries a missing server is reported within about three seconds. */
const RETRIES = 3;

/** The client that the options and the environment name. */
export function clientFor(
  given: { readonly server?: string | undefined; readonly key?: string | undefined },
  config: CliConfig,
): Murmuration {
  return new Murmuration({
    baseUrl: given.server ?? config.MURMUR_URL,
    apiKey: given.key ?? config.MURMUR_API_KEY,
    retries: RETRIES,
  });
}

/** Exit statuses of the commands that speak to a server. */
export const STATUS = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** What went wrong, for a person; the code and the request's id are there for who asks for help. Throws on what is no fault of the server's or of a file. */
export function sentence(error: unknown): string {
  if (error instanceof MurmurationError)
    return `${error.message} (${[error.code, ...(error.requestId === null ? [] : [`request ${error.requestId}`])].join(', ')})`;
  if (error instanceof Error && fileFaultCode(error) !== null) return error.message;
  throw error;
}

/** The same for a program. */
export function faultJson(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof MurmurationError) return { code: error.code, message: error.message };
  const code = error instanceof Error ? fileFaultCode(error) : null;
  if (code === null) throw error;
  return { code, message: sentence(error) };
}

/** The exit status that tells of the fault. */
export function statusOf(error: unknown): number {
  return error instanceof MurmurationError && error.code === 'unreachable' ? STATUS.unreachable : STATUS.failed;
}

/** True for faults that every further request would meet as well. */
export function concernsAll(error: unknown): boolean {
  return (
    error instanceof MurmurationError && ['unreachable', 'unauthenticated', 'permission_denied'].includes(error.code)
  );
}

/** The code of what the file system says of a file, or null for other errors. */
function fileFaultCode(error: Error): string | null {
  // A file that changed while it was sent.
  if (error.name === 'NotReadableError') return error.name;
  return 'syscall' in error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
