import type { TestContext } from 'node:test';
import { Allowlist } from '../guard/allowlist.js';
import { GuardedClient } from '../guard/guarded-client.js';
import type { ResolvedAddress } from '../guard/name-lookup.js';
import { fetchRecording, type FetchRecordingOptions } from '../url/fetch-recording.js';

/** What a test's fetch has of its own. */
type Given = Partial<FetchRecordingOptions> & {
  readonly allow?: string;
  readonly resolve?: (name: string) => Promise<readonly ResolvedAddress[]>;
};

/** Options of a fetch by a client that closes with the test. */
export function options(t: TestContext, { allow = '', resolve, ...given }: Given = {}): FetchRecordingOptions {
  const client = new GuardedClient({
    allowlist: Allowlist.parse(allow),
    ...(resolve === undefined ? {} : { resolve }),
  });
  t.after(() => client.close());
  return {
    client,
    maxBytes: 1_000_000,
    idleTimeoutMs: 60_000,
    totalTimeoutMs: 60_000,
    signal: new AbortController().signal,
    ...given,
  };
}

/** All bytes of a body. */
export async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** All bytes of a recording. */
export async function whole(url: string, given: FetchRecordingOptions): Promise<Buffer> {
  return bytesOf((await fetchRecording(url, given)).source);
}
