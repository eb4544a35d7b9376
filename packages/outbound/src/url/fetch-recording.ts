import { AsrError } from '@murmuration/contracts';
import type { Dispatcher } from 'undici';
import type { GuardedClient } from '../guard/guarded-client.js';
import { parseTarget } from '../guard/target-url.js';
import { TransferClock } from './transfer-clock.js';

export interface FetchRecordingOptions {
  readonly client: GuardedClient;
  /** Larger recordings are refused with `file_too_large`: at once where the length is told, else when they reach it. */
  readonly maxBytes: number;
  /** The server may let us wait this long for its headers and for each kilobyte. */
  readonly idleTimeoutMs: number;
  /** The recording must be there after this long, redirects and our own pace included. */
  readonly totalTimeoutMs: number;
  /** Ends the transfer at any time, with `cancelled`. */
  readonly signal: AbortSignal;
}

/** A recording on its way. Nothing of it has been read. */
export interface FetchedRecording {
  /** The bytes as they come, read only as fast as they are taken. Throws `file_too_large`, `empty_file`, `url_unreachable` or `cancelled`. Ending the loop early ends the transfer. */
  readonly source: AsyncIterable<Uint8Array>;
  /** Media type that the server names, lower case, without parameters; a hint only. */
  readonly contentType: string | null;
  /** Of the last address's path, else of the first's, lower case, without the dot; a hint only. */
  readonly extension: string | null;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
// A compressed transfer could unfold to anything, and audio gains nothing by it.
const HEADERS = {
  accept: 'audio/*, video/*;q=0.9, */*;q=0.8',
  'accept-encoding': 'identity',
  'user-agent': 'murmuration',
};

/**
 * Fetches a recording by http or https. Every address on the way, of redirects too, is judged before it is connected to.
 * Nothing of the client's goes along: no credentials, no cookies. Throws `url_not_allowed`, `url_unreachable`, `file_too_large` or `cancelled`.
 */
export async function fetchRecording(url: string, options: FetchRecordingOptions): Promise<FetchedRecording> {
  const { client, maxBytes } = options;
  const first = parseTarget(url, client.allowlist);
  const clock = new TransferClock(options);
  try {
    const { response, last } = await follow(first, client, clock);
    try {
      requireRecording(response, maxBytes);
    } catch (error) {
      response.body.destroy();
      throw error;
    }
    return {
      source: read(response.body, clock, maxBytes),
      contentType: header(response, 'content-type')?.split(';')[0]?.trim().toLowerCase() ?? null,
      extension: extensionOf(last) ?? extensionOf(first),
    };
  } catch (error) {
    clock.close();
    throw told(error, clock);
  }
}

async function follow(
  first: URL,
  client: GuardedClient,
  clock: TransferClock,
): Promise<{ response: Dispatcher.ResponseData; last: URL }> {
  let last = first;
  for (let redirects = 0; ; redirects++) {
    const target = last;
    const response = await clock.wait(() =>
      client.request(target, { method: 'GET', headers: HEADERS, signal: clock.signal }),
    );
    clock.rest();
    const location = header(response, 'location');
    if (!REDIRECTS.has(response.statusCode) || location === null) return { response, last };
    response.body.destroy();
    if (redirects === MAX_REDIRECTS)
      throw new AsrError(
        'url_unreachable',
        'The URL redirects more than five times. Use the address that it leads to.',
        { param: 'url' },
      );
    last = parseTarget(location, client.allowlist, last);
  }
}

function requireRecording(response: Dispatcher.ResponseData, maxBytes: number): void {
  const { statusCode } = response;
  if (statusCode < 200 || statusCode > 299)
    throw new AsrError(
      'url_unreachable',
      `The URL answers with HTTP status ${String(statusCode)}. Check that it can be fetched without signing in.`,
      { param: 'url' },
    );
  const encoding = header(response, 'content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== '')
    throw new AsrError(
      'url_unreachable',
      'The URL delivers a compressed transfer although none was asked for. Use one that delivers the file as it is.',
      { param: 'url' },
    );
  if (Number(header(response, 'content-length') ?? 0) > maxBytes)
    throw new AsrError('file_too_large', undefined, { param: 'url' });
}

async function* read(
  body: Dispatcher.ResponseData['body'],
  clock: TransferClock,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  try {
    const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
    for (;;) {
      const next = await clock.wait(() => pieces.next());
      if (next.done === true) break;
      const piece = next.value;
      bytes += piece.length;
      if (bytes > maxBytes) throw new AsrError('file_too_large', undefined, { param: 'url' });
      clock.arrived(piece.length);
      yield piece;
    }
    if (bytes === 0) throw new AsrError('empty_file', undefined, { param: 'url' });
  } catch (error) {
    throw told(error, clock);
  } finally {
    clock.close();
    body.destroy();
  }
}

/** What a client is told: our own refusals as they are, the network's faults as one, without a word of what the server said. */
function told(error: unknown, clock: TransferClock): AsrError {
  if (clock.signal.reason instanceof AsrError) return clock.signal.reason;
  if (error instanceof AsrError) return error;
  return new AsrError(
    'url_unreachable',
    'The URL cannot be fetched, or its connection ended before the whole recording was there. Check the address, or send the file.',
    { param: 'url', cause: error },
  );
}

function header(response: Dispatcher.ResponseData, name: string): string | null {
  const value = response.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

function extensionOf(url: URL): string | null {
  return /\.([A-Za-z0-9]{1,8})$/.exec(url.pathname)?.[1]?.toLowerCase() ?? null;
}
