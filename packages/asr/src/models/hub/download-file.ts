import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { ModelFileFault, type PinnedFile } from '../model-files.js';
import { WrongContent, type HubBody, type HubClient } from './hub-client.js';
import type { OfferedFile } from './model-listing.js';
import { PassingTrouble } from './hub-settings.js';

export interface Download {
  readonly client: HubClient;
  readonly repository: string;
  readonly commit: string;
  readonly file: OfferedFile;
  /** The model's folder; the file goes to its name within, by way of `NAME.part`. */
  readonly folder: string;
  /** Bytes of the file that lie here; may go back when a damaged beginning is thrown away. */
  onBytes(bytes: number): void;
}

/** What the hub says of a file's content. */
interface Expected {
  readonly sha256: string | null;
  readonly blobSha1: string | null;
}

/**
 * Fetches one file: absent -> NAME.part grows, over any number of cut connections and starts of the process -> checked -> NAME.
 * The bytes are hashed as they come; what a process before this one left is hashed once. A whole file whose checksum is wrong is
 * fetched once more from the start. Returns size and SHA-256. Throws `ModelFileFault` when it is wrong again, `HubFault` when the
 * hub cannot be had.
 */
export async function downloadFile(download: Download): Promise<PinnedFile> {
  const { client, repository, file, folder } = download;
  const target = join(folder, file.name);
  const part = `${target}.part`;
  await mkdir(dirname(target), { recursive: true });
  const budget = client.retries(`fetching ${file.name} of ${repository} from ${client.host}`);
  let expected: Expected = file;
  await keepWhatLies(target, part, file.bytes);
  let inherited = true;
  for (let damaged = 0; ;) {
    const sums = await Sums.ofFile(part, file.bytes);
    inherited &&= sums.bytes > 0;
    download.onBytes(sums.bytes);
    let wrong: string | null;
    try {
      if (sums.bytes < file.bytes || (expected.sha256 === null && expected.blobSha1 === null)) {
        expected = await append(download, part, sums, expected, () => {
          budget.progressed();
        });
      }
      wrong = sums.compare(expected, file);
    } catch (error) {
      if (!(error instanceof WrongContent)) {
        await budget.pauseAfter(error);
        continue;
      }
      wrong = error.message;
    }
    if (wrong === null) {
      await rename(part, target);
      return { name: file.name, bytes: sums.bytes, sha256: sums.sha256 };
    }
    await rm(part, { force: true });
    // What an earlier process left says nothing about the hub.
    if (inherited) continue;
    damaged += 1;
    if (damaged > 1)
      throw new ModelFileFault(
        `the model file ${file.name} of ${repository} comes damaged from ${client.host}, twice: ${wrong}`,
      );
  }
}

/** A file that got its name but not its line in the manifest, or that is to be repaired, is treated like a part. Where there is nothing an empty part is created. */
async function keepWhatLies(target: string, part: string, wholeBytes: number): Promise<void> {
  const [named, begun] = await Promise.all([
    stat(target).catch(leaveAlone('unreadable', null)),
    stat(part).catch(leaveAlone('unreadable', null)),
  ]);
  if (begun === null && named?.size === wholeBytes) await rename(target, part);
  else await (await open(part, 'a')).close();
}

/** Asks for what is missing and writes it behind what lies there. Returns what is known of the content now. */
async function append(
  download: Download,
  part: string,
  sums: Sums,
  known: Expected,
  onProgress: () => void,
): Promise<Expected> {
  const { client, repository, commit, file } = download;
  // A whole file whose checksum only the headers know is asked for from its last byte, which always exists.
  const fromByte = Math.min(sums.bytes, Math.max(0, file.bytes - 1));
  const body = await client.open(repository, commit, file.name, fromByte);
  const expected = agreed(known, body, file, client.host);
  if (sums.bytes === file.bytes && file.bytes > 0) {
    body.close();
    return expected;
  }
  const handle = await open(part, 'a');
  try {
    if (body.fromByte !== sums.bytes) {
      await handle.truncate(0);
      sums.restart();
    }
    for await (const piece of body.pieces) {
      if (sums.bytes + piece.length > file.bytes) {
        throw new WrongContent(`expected ${String(file.bytes)} bytes, found more`);
      }
      await handle.writeFile(piece);
      sums.add(piece);
      onProgress();
      download.onBytes(sums.bytes);
    }
    await handle.sync();
  } finally {
    body.close();
    await handle.close();
  }
  if (sums.bytes < file.bytes)
    throw new PassingTrouble(`${file.name} ended after ${String(sums.bytes)} of ${String(file.bytes)} bytes`);
  return expected;
}

/** The listing and the file's own headers must say the same. */
function agreed(known: Expected, body: HubBody, file: OfferedFile, host: string): Expected {
  for (const kind of ['sha256', 'blobSha1'] as const) {
    const [listed, sent] = [known[kind], body[kind]];
    if (listed !== null && sent !== null && listed !== sent)
      throw new ModelFileFault(`${host} contradicts itself about ${file.name}: listed as ${listed}, served as ${sent}`);
  }
  const expected = { sha256: known.sha256 ?? body.sha256, blobSha1: known.blobSha1 ?? body.blobSha1 };
  if (expected.sha256 === null && expected.blobSha1 === null)
    throw new ModelFileFault(`${host} names no checksum of ${file.name}: it cannot be verified`);
  return expected;
}

/** Size and checksums of a growing file. */
class Sums {
  bytes = 0;
  readonly #blobBytes: number;
  #sha256: Hash = createHash('sha256');
  #blob: Hash;

  /** @param wholeBytes the finished file's size: git's id begins with it */
  constructor(wholeBytes: number) {
    this.#blobBytes = wholeBytes;
    this.#blob = blobHash(wholeBytes);
  }

  /** Those of what lies at `path`; of nothing when there is no file, or one that is too long, which is then removed. */
  static async ofFile(path: string, wholeBytes: number): Promise<Sums> {
    const sums = new Sums(wholeBytes);
    const bytes = (await stat(path).catch(leaveAlone('unreadable', null)))?.size ?? 0;
    if (bytes > wholeBytes) await rm(path, { force: true });
    else if (bytes > 0)
      for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) sums.add(piece as Buffer);
    return sums;
  }

  restart(): void {
    this.bytes = 0;
    this.#sha256 = createHash('sha256');
    this.#blob = blobHash(this.#blobBytes);
  }

  add(piece: Uint8Array): void {
    this.bytes += piece.length;
    this.#sha256.update(piece);
    this.#blob.update(piece);
  }

  get sha256(): string {
    return this.#sha256.copy().digest('hex');
  }

  /** What is wrong with a whole file, or null. */
  compare(expected: Expected, file: OfferedFile): string | null {
    if (this.bytes !== file.bytes) return `expected ${String(file.bytes)} bytes, found ${String(this.bytes)}`;
    const { sha256 } = this;
    if (expected.sha256 !== null && expected.sha256 !== sha256)
      return `expected SHA-256 ${expected.sha256}, found ${sha256}`;
    const blobSha1 = this.#blob.copy().digest('hex');
    // A large file's blob is its pointer, not its content: only where there is no SHA-256 is the id that of the bytes.
    if (expected.sha256 === null && expected.blobSha1 !== null && expected.blobSha1 !== blobSha1)
      return `expected git blob ${expected.blobSha1}, found ${blobSha1}`;
    return null;
  }
}

function blobHash(bytes: number): Hash {
  return createHash('sha1').update(`blob ${String(bytes)}\0`);
}
