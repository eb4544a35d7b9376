import { Option } from '@commander-js/extra-typings';
import { Murmuration } from '@murmuration/client/node';
import type { CliConfig } from '../config.js';
import { textLike } from '../option-values.js';

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
