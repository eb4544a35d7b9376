import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './service-process.js';

/** A recording with what is said in it. */
export interface Clip {
  readonly name: string;
  readonly path: string;
  /** What is said; a list when each channel says something of its own. */
  readonly said: readonly string[];
  readonly language: string | null;
}

const SHARED = join(ROOT, '..', 'shared', 'audio');

/** Evaluation clips beside the checkout, or none. */
export function sharedClips(): Clip[] {
  const manifest = join(SHARED, 'manifest.json');
  if (!existsSync(manifest)) return [];
  const { clips } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    clips: { file: string; language: string | null; text?: string; channels?: string[] }[];
  };
  return clips.map((clip) => ({
    name: clip.file,
    path: join(SHARED, clip.file),
    said: clip.channels ?? [clip.text ?? ''],
    language: clip.language,
  }));
}

/** Why a test that needs the evaluation clips is skipped; false when they are there. */
export const WITHOUT_SHARED = sharedClips().length === 0 ? 'the evaluation clips are not beside the checkout' : false;

/** One evaluation clip by file name. Throws when it is not there. */
export function sharedClip(name: string): Clip {
  const clip = sharedClips().find((candidate) => candidate.name === name);
  if (clip === undefined) throw new Error(`there is no clip ${name}`);
  return clip;
}

export async function bytesOf(clip: Clip): Promise<Buffer> {
  return readFile(clip.path);
}
