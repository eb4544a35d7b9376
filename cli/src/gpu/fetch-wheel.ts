import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { GpuFault, type Wheel } from './gpu-wheels.js';

/** Told of a wheel's bytes as they come. */
export type OnBytes = (done: number, total: number) => void;

/**
 * Fetches a wheel from a package index to `path`, unless it lies there already. Throws `GpuFault` when the index or the file cannot be
 * had, and when its SHA-256 is another than that of the list.
 * @param index address of an index as pip takes it (`PIP_INDEX_URL`)
 */
export async function fetchWheel(
  index: string,
  wheel: Wheel,
  path: string,
  signal: AbortSignal,
  onBytes: OnBytes,
): Promise<void> {
  if ((await sha256Of(path)) === wheel.sha256) return;
  const answer = await request(await addressOf(index, wheel, signal), wheel, signal);
  if (answer.body === null) throw new GpuFault(`the index gave no bytes of ${wheel.name}: try again`);
  const total = Number(answer.headers.get('content-length') ?? 0);
  const hash = createHash('sha256');
  const part = `${path}.part`;
  const file = await open(part, 'w');
  let done = 0;
  try {
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
      hash.update(piece);
      await file.writeFile(piece);
      onBytes((done += piece.byteLength), Math.max(total, done));
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new GpuFault(`fetching ${wheel.name} broke off (${reasonOf(error)}): try again`, { cause: error });
  } finally {
    await file.close();
  }
  if (hash.digest('hex') !== wheel.sha256) {
    await rm(part);
    throw new GpuFault(
      `${wheel.name} ${wheel.version} from the index has another SHA-256 than the list: something between here and there changes files, or try again`,
    );
  }
  await rename(part, path);
}

/** Where the index has the file with that SHA-256, in the form of PEP 691 (JSON) or PEP 503 (HTML). */
async function addressOf(index: string, wheel: Wheel, signal: AbortSignal): Promise<string> {
  const page = `${index.replace(/\/+$/, '')}/${wheel.name}/`;
  const answer = await request(page, wheel, signal, 'application/vnd.pypi.simple.v1+json, text/html;q=0.5');
  const text = await answer.text();
  const found = (answer.headers.get('content-type') ?? '').includes('json')
    ? (
        JSON.parse(text) as {
          readonly files: readonly { readonly url: string; readonly hashes: { readonly sha256?: string } }[];
        }
      ).files.find((file) => file.hashes.sha256 === wheel.sha256)?.url
    : new RegExp(`href="([^"#]+)#sha256=${wheel.sha256}`).exec(text)?.[1];
  if (found === undefined)
    throw new GpuFault(
      `the index has no ${wheel.name} ${wheel.version} with the SHA-256 of the list: set PIP_INDEX_URL, or --index, to one that has it`,
    );
  return new URL(found, answer.url).href;
}

async function request(address: string, wheel: Wheel, signal: AbortSignal, accept = '*/*'): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(address, { headers: { accept }, signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new GpuFault(
      `the index cannot be reached for ${wheel.name} (${reasonOf(error)}): check the network, or set PIP_INDEX_URL, or --index`,
      { cause: error },
    );
  }
  if (!answer.ok)
    throw new GpuFault(
      `the index answers ${String(answer.status)} for ${wheel.name}: set PIP_INDEX_URL, or --index, to one that has it`,
    );
  return answer;
}

async function sha256Of(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  return hash.digest('hex');
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}
