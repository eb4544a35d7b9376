import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const RATE_HZ = 16_000;

/** A recording that is sent, with the words that are said in it. */
export interface Clip {
  readonly name: string;
  /** The file as it lies there. */
  readonly file: Uint8Array<ArrayBuffer>;
  /** Mono at 16 kHz. */
  readonly pcm: Int16Array;
  readonly durationMs: number;
  readonly said: readonly string[];
}

/** PCM of a mono 16-bit WAV file at 16 kHz; null of any other. */
function pcmOf(file: Buffer): Int16Array | null {
  if (file.length < 44 || file.toString('latin1', 0, 4) !== 'RIFF') return null;
  if (file.readUInt16LE(22) !== 1 || file.readUInt32LE(24) !== RATE_HZ || file.readUInt16LE(34) !== 16) return null;
  let at = 12;
  while (at + 8 <= file.length && file.toString('latin1', at, at + 4) !== 'data') at += 8 + file.readUInt32LE(at + 4);
  if (at + 8 > file.length) return null;
  const bytes = file.subarray(at + 8, Math.min(file.length, at + 8 + file.readUInt32LE(at + 4)));
  return new Int16Array(new Uint8Array(bytes).buffer, 0, bytes.length >> 1);
}

/** Entries of a list of recordings: `samples/samples.json`, or a `manifest.json` with `clips`. */
interface Entry {
  readonly file: string;
  readonly text?: string;
  readonly language?: string | null;
}

/**
 * The English clips of a folder that have a text, in wav of mono 16 bit at 16 kHz. `samples.json` (a list) or `manifest.json` (`{"clips": [...]}`) names
 * `file` and `text` of each. Throws when the folder has none.
 */
export async function readClips(folder: string): Promise<Clip[]> {
  const list = ['samples.json', 'manifest.json'].map((name) => join(folder, name)).find((path) => existsSync(path));
  if (list === undefined) throw new RangeError(`--audio ${folder}: there is neither samples.json nor manifest.json`);
  const read = JSON.parse(await readFile(list, 'utf8')) as readonly Entry[] | { readonly clips: readonly Entry[] };
  const entries = 'clips' in read ? read.clips : read;
  const clips = await Promise.all(
    entries
      .filter((entry) => (entry.language ?? 'en') === 'en' && entry.text !== undefined && entry.text !== '')
      .map(async ({ file: name, text = '' }): Promise<Clip[]> => {
        const file = await readFile(join(folder, name));
        const pcm = pcmOf(file);
        if (pcm === null) return [];
        const durationMs = (pcm.length * 1_000) / RATE_HZ;
        return [{ name, file: new Uint8Array(file), pcm, durationMs, said: words(text) }];
      }),
  );
  if (clips.flat().length === 0)
    throw new RangeError(`--audio ${folder}: no English wav of mono, 16 kHz, 16 bit with a text`);
  return clips.flat();
}

/** Clips one after the other, `pauseMs` of silence after each, until `leastMs` are full: what a speaker says. */
export function spoken(
  clips: readonly Clip[],
  first: number,
  leastMs: number,
  pauseMs: number,
): Pick<Clip, 'pcm' | 'said'> {
  const pauseSamples = Math.round((pauseMs * RATE_HZ) / 1_000);
  const chosen: Clip[] = [];
  for (let ms = 0; ms < leastMs || chosen.length === 0;) {
    const clip = clips[(first + chosen.length) % clips.length];
    if (clip === undefined) break;
    chosen.push(clip);
    ms += clip.durationMs + pauseMs;
  }
  const pcm = new Int16Array(chosen.reduce((sum, clip) => sum + clip.pcm.length + pauseSamples, 0));
  let at = 0;
  for (const clip of chosen) {
    pcm.set(clip.pcm, at);
    at += clip.pcm.length + pauseSamples;
  }
  return { pcm, said: chosen.flatMap((clip) => clip.said) };
}

/** A text as it is compared: lower case words without punctuation. */
export function words(text: string): string[] {
  return text
    .toLowerCase()
    .normalize('NFKC')
    .replace(/[’‘]/gu, "'")
    .replace(/[^\p{L}\p{N}' ]+/gu, ' ')
    .replace(/\b(mr|mrs|dr)\b/gu, (short) => ({ mr: 'mister', mrs: 'missus', dr: 'doctor' })[short] ?? short)
    .split(/\s+/)
    .filter((word) => word !== '');
}

/** Substituted, missing and invented words of `heard` against `said`: Levenshtein distance over words. */
export function wordErrors(said: readonly string[], heard: readonly string[]): number {
  let row = Array.from({ length: heard.length + 1 }, (_, column) => column);
  said.forEach((word, at) => {
    const next = [at + 1];
    heard.forEach((other, column) => {
      const substituted = (row[column] ?? 0) + (word === other ? 0 : 1);
      next.push(Math.min(substituted, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    });
    row = next;
  });
  return row[heard.length] ?? 0;
}
