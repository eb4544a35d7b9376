import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sharedClips } from '../../harness/speech.js';
import { RATE_HZ, joined, pcmOf, samples, wavFile } from '../../harness/wav.js';

const CLIP_S = { least: 2, most: 12 };
/** Clips that are asked for at once. */
const CLIENTS = 8;
/** So often each clip is asked for in a round: with one pass the last ones, which run alone, would be a fifth of them. */
const PASSES = 3;
const PAUSE_MS = 500;

/** A recording as a file, with what is said in it. */
export interface Recording {
  readonly path: string;
  readonly file: Buffer;
  readonly seconds: number;
  readonly said: string;
}

/** Recordings that are transcribed together, so many at once. */
export interface Material {
  readonly name: 'clips' | 'recordings';
  readonly width: number;
  readonly all: readonly Recording[];
}

/** English clips of 2 to 12 s, each three times, and the same joined to two recordings of so many minutes; as files in `folder`. */
export async function material(folder: string, minutes: number): Promise<Material[]> {
  const found = [...(await samples())].map(({ name, pcm, said }) => ({ name, pcm, said }));
  for (const clip of sharedClips()) {
    if (clip.language !== 'en' || !clip.name.endsWith('.wav') || clip.said.length !== 1) continue;
    found.push({ name: clip.name, pcm: pcmOf(readFileSync(clip.path)), said: clip.said[0] ?? '' });
  }
  const clips = found.filter(
    ({ pcm, said }) => said !== '' && pcm.length >= CLIP_S.least * RATE_HZ && pcm.length <= CLIP_S.most * RATE_HZ,
  );
  const put = async (name: string, pcm: Int16Array, said: string): Promise<Recording> => {
    const file = wavFile(pcm);
    await writeFile(join(folder, name), file);
    return { path: join(folder, name), file, seconds: pcm.length / RATE_HZ, said };
  };
  const long = await Promise.all(
    [0, 1].map((first) => {
      const chosen: typeof clips = [];
      for (let s = 0; s < minutes * 60;) {
        const clip = clips[(first + chosen.length) % clips.length];
        if (clip === undefined) break;
        chosen.push(clip);
        s += clip.pcm.length / RATE_HZ + PAUSE_MS / 1_000;
      }
      const pcm = joined(
        chosen.map((clip) => clip.pcm),
        PAUSE_MS,
      );
      return put(`recording-${String(first)}.wav`, pcm, chosen.map((clip) => clip.said).join(' '));
    }),
  );
  const once = await Promise.all(clips.map((clip, i) => put(`clip-${String(i)}.wav`, clip.pcm, clip.said)));
  return [
    { name: 'clips', width: CLIENTS, all: Array.from({ length: PASSES }, () => once).flat() },
    { name: 'recordings', width: long.length, all: long },
  ];
}
