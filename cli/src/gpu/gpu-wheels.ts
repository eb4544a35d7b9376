import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createInflateRaw } from 'node:zlib';

/** Why the GPU's libraries cannot be installed; the message says what to do. */
export class GpuFault extends Error {
  override readonly name = 'GpuFault';
}

/** A wheel that holds libraries of the GPU. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** What the image `worker-cuda` is made of, too. */
const LIST = fileURLToPath(new URL('../../../deploy/images/cuda-requirements.txt', import.meta.url));

/** The wheels with the CUDA provider of the runtime's version and NVIDIA's libraries, as pip's requirements name them. */
export async function gpuWheels(path = LIST): Promise<Wheel[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, version, sha256] = /^([\w.-]+)==(\S+) --hash=sha256:([0-9a-f]{64})$/.exec(line) ?? [];
      if (name === undefined || version === undefined || sha256 === undefined)
        throw new GpuFault(`${path} has a line that is no pinned wheel: ${line}`);
      return { name, version, sha256 };
    });
}

/** Where the members of a wheel go in the folder of libraries; null for those that are not wanted. */
export function placeInFolder(wheel: Wheel, member: string): string | null {
  const base = member.slice(member.lastIndexOf('/') + 1);
  if (/\.dist-info\/(?:.*\/)?(?:licen[cs]e|notice|third)/i.test(member) && base !== '')
    return `licences/${wheel.name}/${base}`;
  if (/^onnxruntime\/capi\/libonnxruntime_providers_(?:cuda|shared|tensorrt)\.so$/.test(member)) return base;
  return /^nvidia\/.*\.so(?:\.\d+)*$/.test(member) ? base : null;
}

/** A file inside a wheel, which is a zip archive. Source of the layout: PKWARE's APPNOTE 4.3. */
interface Member {
  readonly name: string;
  readonly method: number;
  readonly packedBytes: number;
  readonly headerAt: number;
}

const END = 0x06054b50;
const END_BYTES = 22;
const COMMENT_BYTES = 65_535;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
/** In place of a number that needs 64 bits; wheels of this size have none. */
const TOO_LARGE = 0xffff_ffff;

/**
 * Unpacks files of a wheel. Throws `GpuFault` when it is no archive.
 * @param placeOf where a member goes, or null for those that are not wanted
 */
export async function unpackWheel(path: string, placeOf: (name: string) => string | null): Promise<void> {
  const file = await open(path);
  try {
    for (const member of await membersOf(file, path)) {
      const place = placeOf(member.name);
      if (place === null) continue;
      await mkdir(dirname(place), { recursive: true });
      await unpack(file, member, place, path);
    }
  } finally {
    await file.close();
  }
}

async function membersOf(file: FileHandle, path: string): Promise<Member[]> {
  const { size } = await file.stat();
  const tail = await read(file, Math.max(0, size - END_BYTES - COMMENT_BYTES), size);
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(END);
  const at = tail.lastIndexOf(signature);
  if (at < 0) throw new GpuFault(`${path} is no wheel: fetch it again`);
  const bytes = tail.readUInt32LE(at + 12);
  const start = tail.readUInt32LE(at + 16);
  const directory = await read(file, start, start + bytes);
  const members: Member[] = [];
  for (let entry = 0; entry + ENTRY_BYTES <= directory.length && directory.readUInt32LE(entry) === ENTRY;) {
    const nameBytes = directory.readUInt16LE(entry + 28);
    const name = directory.toString('utf8', entry + ENTRY_BYTES, entry + ENTRY_BYTES + nameBytes);
    const packedBytes = directory.readUInt32LE(entry + 20);
    const headerAt = directory.readUInt32LE(entry + 42);
    if (packedBytes === TOO_LARGE || headerAt === TOO_LARGE)
      throw new GpuFault(`${path} holds ${name}, which is too large to be unpacked here`);
    members.push({ name, method: directory.readUInt16LE(entry + 10), packedBytes, headerAt });
    entry += ENTRY_BYTES + nameBytes + directory.readUInt16LE(entry + 30) + directory.readUInt16LE(entry + 32);
  }
  return members;
}

async function unpack(file: FileHandle, member: Member, place: string, path: string): Promise<void> {
  const { headerAt, method, packedBytes } = member;
  if (method !== STORED && method !== DEFLATED)
    throw new GpuFault(`${path} holds ${member.name} packed in a way that is not known here`);
  const header = await read(file, headerAt, headerAt + LOCAL_BYTES);
  const start = headerAt + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  const out = createWriteStream(place, { mode: 0o644 });
  if (packedBytes === 0) {
    await new Promise<void>((resolve) => out.end(resolve));
    return;
  }
  const packed = createReadStream(path, { start, end: start + packedBytes - 1 });
  if (method === STORED) await pipeline(packed, out);
  else await pipeline(packed, createInflateRaw(), out);
}

async function read(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(to - from), 0, to - from, from);
  return buffer.subarray(0, bytesRead);
}
