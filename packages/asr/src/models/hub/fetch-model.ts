import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Device } from '@murmuration/onnx';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { FAMILIES, familyWithFiles } from '../../families/registry.js';
import { ModelFileFault, verifyFiles, type Dtype, type OnModelProgress, type PinnedFile } from '../model-files.js';
import { isCommit, type HubReference } from '../known-models.js';
import {
  cachedCommit,
  commitFolder,
  lockFile,
  readManifest,
  recordCommit,
  writeManifest,
  type ModelManifest,
} from './cached-model.js';
import { downloadFile } from './download-file.js';
import { withLock } from './download-lock.js';
import { HubClient } from './hub-client.js';
import { isModelFile, listModel, wantedFiles, type WantedFiles } from './model-listing.js';
import type { HubSettings } from './hub-settings.js';

export interface FetchOptions {
  readonly cacheDir: string;
  readonly dtype: Dtype;
  readonly device: Device;
  /** null: as offline. */
  readonly hub: HubSettings | null;
  readonly onProgress?: OnModelProgress | undefined;
  /** Fetch damaged and missing files again, and ask what a branch points at now; otherwise damage is a fault. */
  readonly refresh?: boolean;
}

/** A model whose files lie here, whole and verified. */
export interface FetchedModel {
  readonly folder: string;
  /** As its config.json states it. */
  readonly family: string;
  readonly commit: string;
  readonly dtype: 'fp32' | 'fp16' | 'int8';
  readonly files: readonly PinnedFile[];
}

/**
 * Finds a model of the hub in the cache and verifies it, or fetches what is missing. What is cached is used without asking the
 * hub. Throws `ModelFileFault` (no such model, no such dtype, damaged, offline) or `HubFault` (the hub cannot be had).
 */
export async function fetchModel(reference: HubReference, options: FetchOptions): Promise<FetchedModel> {
  if (options.refresh !== true) {
    const cached = await fromCache(reference, options);
    if (cached !== null) return cached;
  }
  const { hub } = options;
  if (hub === null || hub.offline)
    throw new ModelFileFault(
      `the model ${reference.id} (${reference.repository}) is not in the model cache, not in this dtype or not whole, and the hub may not be asked (HF_HUB_OFFLINE): fetch it where there is a network with "murmur models pull ${reference.id}"`,
    );
  return withLock(
    lockFile(options.cacheDir, reference.repository),
    async () => {
      // Whoever held the lock may have fetched just this.
      const cached = options.refresh === true ? null : await fromCache(reference, options);
      return cached ?? (await download(reference, options, hub));
    },
    { onWait: () => options.onProgress?.({ step: 'waiting', reason: '', file: '', doneBytes: 0, totalBytes: 0 }) },
  );
}

/** The model when all of it was fetched before; null when something was not. */
async function fromCache(reference: HubReference, options: FetchOptions): Promise<FetchedModel | null> {
  const commit = await cachedCommit(options.cacheDir, reference);
  if (commit === null) return null;
  const folder = commitFolder(options.cacheDir, reference.repository, commit);
  const manifest = await readManifest(folder);
  if (manifest === null) return null;
  const wanted = wantedFiles(reference.repository, manifest.offered, options.dtype, options.device);
  const files = fetched(manifest, wanted);
  if (files === null) return null;
  await verifyFiles(folder, files, {
    remedy: `Fetch it again with "murmur models pull ${reference.id}"`,
    onProgress: options.onProgress,
  });
  return { folder, family: await requireFamily(folder, reference), commit, dtype: wanted.dtype, files };
}

function fetched(manifest: ModelManifest, wanted: WantedFiles): readonly PinnedFile[] | null {
  const files = wanted.files.map(({ name }) => manifest.files.find((file) => file.name === name));
  return files.every((file) => file !== undefined) ? files : null;
}

async function download(reference: HubReference, options: FetchOptions, hub: HubSettings): Promise<FetchedModel> {
  const { repository } = reference;
  const client = new HubClient(hub, (reason) => {
    options.onProgress?.({ step: 'pausing', reason, file: '', doneBytes: 0, totalBytes: 0 });
  });
  const known = isCommit(reference.revision)
    ? await readManifest(commitFolder(options.cacheDir, repository, reference.revision))
    : null;
  const listing = known === null ? await listModel(client, reference) : { commit: known.commit, files: known.offered };
  const wanted = wantedFiles(repository, listing.files, options.dtype, options.device);
  const folder = commitFolder(options.cacheDir, repository, listing.commit);
  const offered = listing.files.filter((file) => isModelFile(file.name));
  let files = (await readManifest(folder))?.files ?? [];
  const totalBytes = wanted.files.reduce((sum, file) => sum + file.bytes, 0);
  let beforeBytes = 0;
  for (const file of wanted.files) {
    const onBytes = (ofFile: number): void =>
      options.onProgress?.({
        step: 'downloading',
        reason: '',
        file: file.name,
        doneBytes: beforeBytes + ofFile,
        totalBytes,
      });
    if (
      !(await isWhole(
        folder,
        files.find(({ name }) => name === file.name),
      ))
    ) {
      const done = await downloadFile({ client, repository, commit: listing.commit, file, folder, onBytes });
      files = [...files.filter(({ name }) => name !== file.name), done];
      await writeManifest(folder, { version: 1, repository, commit: listing.commit, offered, files });
    }
    beforeBytes += file.bytes;
    onBytes(0);
    // The first file says whether the others, which may be gigabytes, are worth it.
    if (file.name === 'config.json') await requireFamily(folder, reference);
  }
  // Last: a branch moves on only when all of its new commit lies here.
  await recordCommit(options.cacheDir, reference, listing.commit);
  const names = new Set(wanted.files.map(({ name }) => name));
  return {
    folder,
    family: await requireFamily(folder, reference),
    commit: listing.commit,
    dtype: wanted.dtype,
    files: files.filter(({ name }) => names.has(name)),
  };
}

async function isWhole(folder: string, file: PinnedFile | undefined): Promise<boolean> {
  if (file === undefined || (await stat(join(folder, file.name)).catch(leaveAlone('unreadable', null))) === null)
    return false;
  return verifyFiles(folder, [file], { remedy: '' }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof ModelFileFault) return false;
      throw error;
    },
  );
}

/** The family that the model's config.json states. Throws `ModelFileFault` when it is none that the hub serves in a layout read here. */
async function requireFamily(folder: string, { repository }: HubReference): Promise<string> {
  const text = await readFile(join(folder, 'config.json'), 'utf8');
  let type: unknown;
  try {
    const config: unknown = JSON.parse(text);
    type = typeof config === 'object' && config !== null && 'model_type' in config ? config.model_type : undefined;
  } catch {
    throw new ModelFileFault(`config.json of ${repository} is no JSON: expected an object with model_type`);
  }
  const stated = typeof type === 'string' ? type : null;
  const family = stated === null ? undefined : familyWithFiles(stated);
  if (stated !== null && family?.hubRefusal === null) return stated;
  if (family !== undefined) throw new ModelFileFault(`${repository} ${family.hubRefusal ?? ''}`);
  const served = Object.keys(FAMILIES).filter((name) => familyWithFiles(name)?.hubRefusal === null);
  throw new ModelFileFault(
    `${repository} is no speech recognition model that can be run here: config.json states the model type ${stated ?? '(none)'}, expected ${served.join(' or ')}`,
  );
}
