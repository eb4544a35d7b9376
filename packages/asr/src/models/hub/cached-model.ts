import { randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { PinnedFile } from '../model-files.js';
import { isCommit, type HubReference } from '../known-models.js';
import type { OfferedFile } from './model-listing.js';

// The cache, under MODEL_CACHE:
//   hub/OWNER/NAME/refs/REVISION        the commit that a branch or tag pointed at when it was last fetched
//   hub/OWNER/NAME/COMMIT/…             the files, with the names that they have in the repository
//   hub/OWNER/NAME/COMMIT/.manifest.json  what the commit offers, and which files lie here, verified
//   hub/OWNER/NAME/COMMIT/….part        a file that is not whole yet

const HUB_FOLDER = 'hub';
const MANIFEST = '.manifest.json';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const bytes = z.number().int().nonnegative();
// A manifest may come with a folder from anywhere: its names lead nowhere else.
const name = z.string().regex(/^(?!.*\.\.)[\w-][\w./-]*$/);
const manifestSchema = z.object({
  version: z.literal(1),
  repository: z.string(),
  commit: z.string(),
  /** Everything the repository offers that a model may need; never changes at a commit. */
  offered: z.array(z.object({ name, bytes, sha256: sha256.nullable(), blobSha1: z.string().nullable() })),
  /** Files that were fetched and verified. */
  files: z.array(z.object({ name, bytes, sha256 })),
});

/** What lies in a model's folder. */
export interface ModelManifest {
  readonly version: 1;
  readonly repository: string;
  readonly commit: string;
  readonly offered: readonly OfferedFile[];
  readonly files: readonly PinnedFile[];
}

/** Folder of a commit's files. */
export function commitFolder(cacheDir: string, repository: string, commit: string): string {
  return join(cacheDir, HUB_FOLDER, ...repository.split('/'), commit);
}

/** A repository's lock file. */
export function lockFile(cacheDir: string, repository: string): string {
  return join(cacheDir, HUB_FOLDER, ...repository.split('/'), '.lock');
}

/** The commit that a reference means as far as this cache knows; null: the hub must be asked. */
export async function cachedCommit(cacheDir: string, { repository, revision }: HubReference): Promise<string | null> {
  if (isCommit(revision)) return revision;
  const text = await readFile(refFile(cacheDir, repository, revision), 'utf8').catch(leaveAlone('unreadable', null));
  return text !== null && isCommit(text.trim()) ? text.trim() : null;
}

/** Remembers what a branch or tag points at. */
export async function recordCommit(
  cacheDir: string,
  { repository, revision }: HubReference,
  commit: string,
): Promise<void> {
  if (!isCommit(revision)) await writeWhole(refFile(cacheDir, repository, revision), `${commit}\n`);
}

/** Reads a folder's manifest; null when there is none, or one that was made by something else. */
export async function readManifest(folder: string): Promise<ModelManifest | null> {
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch(leaveAlone('unreadable', null));
  if (text === null) return null;
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

export async function writeManifest(folder: string, manifest: ModelManifest): Promise<void> {
  await writeWhole(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 1)}\n`);
}

/** Every commit of every repository in the cache that has a manifest. */
export async function cachedModels(
  cacheDir: string,
): Promise<readonly { readonly folder: string; readonly manifest: ModelManifest }[]> {
  const found: { folder: string; manifest: ModelManifest }[] = [];
  for (const owner of await names(join(cacheDir, HUB_FOLDER))) {
    for (const repository of await names(join(cacheDir, HUB_FOLDER, owner))) {
      for (const commit of await names(join(cacheDir, HUB_FOLDER, owner, repository))) {
        const folder = commitFolder(cacheDir, `${owner}/${repository}`, commit);
        const manifest = isCommit(commit) ? await readManifest(folder) : null;
        if (manifest !== null) found.push({ folder, manifest });
      }
    }
  }
  return found;
}

async function names(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(leaveAlone('unreadable', []))).sort();
}

function refFile(cacheDir: string, repository: string, revision: string): string {
  return join(cacheDir, HUB_FOLDER, ...repository.split('/'), 'refs', encodeURIComponent(revision));
}

/** Readers see the old content or the new, never a part. */
async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, text);
  await rename(draft, path);
}
