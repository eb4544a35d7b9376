import { Murmuration } from '@murmuration/client/node';
import type { CliConfig } from '../config.js';
import { UsageError } from '../terminal.js';

/** Options of every command that speaks to a server, for `parseOptions`. */
export const SERVER_OPTIONS = { server: { type: 'string' }, key: { type: 'string' } } as const;

export const SERVER_USAGE = `  --server URL   the server, else that of MURMUR_URL, else http://127.0.0.1:8000
  --key KEY      the API key, else that of MURMUR_API_KEY; others on this machine can see a command line, so prefer the variable
`;

/** Somebody waits: with these a server that is not there is told within about three seconds. */
const RETRIES = 3;

/** The client that the options and the environment name. Throws `UsageError`. */
export function clientFor(
  given: { readonly server?: string | undefined; readonly key?: string | undefined },
  config: CliConfig,
): Murmuration {
  const baseUrl = given.server ?? config.MURMUR_URL;
  if (!URL.canParse(baseUrl) || !/^https?:$/.test(new URL(baseUrl).protocol))
    throw new UsageError('--server takes an http(s) address');
  return new Murmuration({ baseUrl, apiKey: given.key ?? config.MURMUR_API_KEY, retries: RETRIES });
}
