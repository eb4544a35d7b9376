import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './service-process.js';

/** Mono 16-bit PCM at 16 kHz with what is said in it. */
export interface Sample {
  readonly name: string;
  readonly pcm: Int16Array;
  readonly said: string;
}

export const RATE_HZ = 16_000;

/** A WAV file of mono 16-bit PCM at 16 kHz. */
export function wavFile(pcm: Int16Array): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + pcm.byteLength, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(RATE_HZ, 24);
  header.writeUInt32LE(RATE_HZ * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(pcm.byteLength, 40);
  return Buffer.concat([header, Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength)]);
}

/** PCM of a mono 16-bit 16 kHz WAV file. Throws on any other. */
export function pcmOf(file: Buffer): Int16Array {
  if (file.readUInt16LE(22) !== 1 || file.readUInt32LE(24) !== RATE_HZ || file.readUInt16LE(34) !== 16)
    throw new Error('the sample is not mono, 16 kHz, 16 bit');
  let at = 12;
  while (file.toString('latin1', at, at + 4) !== 'data') at += 8 + file.readUInt32LE(at + 4);
  const bytes = file.subarray(at + 8, Math.min(file.length, at + 8 + file.readUInt32LE(at + 4)));
  return new Int16Array(new Uint8Array(bytes).buffer, 0, bytes.length >> 1);
}

/** Samples as the bytes that a client sends. */
export function bytesOfPcm(pcm: Int16Array): Uint8Array {
  return new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
}

/** Joins recordings with `pauseMs` of silence after each. */
export function joined(parts: readonly Int16Array[], pauseMs: number): Int16Array {
  const pause = Math.round((pauseMs * RATE_HZ) / 1_000);
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length + pause, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length + pause;
  }
  return all;
}

/** The recordings in `samples/`, with what is said in them. */
export async function samples(): Promise<Sample[]> {
  const list = JSON.parse(await readFile(join(ROOT, 'samples', 'samples.json'), 'utf8')) as {
    file: string;
    text: string;
  }[];
  return Promise.all(
    list.map(async ({ file, text }) => ({
      name: file,
      pcm: pcmOf(await readFile(join(ROOT, 'samples', file))),
      said: text,
    })),
  );
}
