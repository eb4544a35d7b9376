import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Device } from '@murmuration/onnx';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { ModelFileFault, verifyFiles, type Dtype, type OnModelProgress } from './model-files.js';
import { cachedModels, type ModelManifest } from './hub/cached-model.js';
import { fetchModel } from './hub/fetch-model.js';
import type { HubSettings } from './hub/hub-settings.js';
import { dtypesAmong } from './hub/model-listing.js';
import { HUB_MODELS, PACKAGED_MODELS, readHubReference } from './known-models.js';
import { resolveModel } from './resolve-model.js';

/** Files of a model that lie in the cache. */
export interface CachedFiles {
  readonly folder: string;
  /** Commit of the hub; null for what comes from npm. */
  readonly commit: string | null;
  /** Dtypes of which all graphs are there. */
  readonly dtypes: readonly string[];
  readonly bytes: number;
}

/** A model that can be asked for, or that lies in the cache. */
export interface ListedModel {
  readonly name: string;
  /** Repository of the hub, or where else it comes from. */
  readonly source: string;
  /** A commit, or the branch that is taken when it is fetched; null for what comes from npm. */
  readonly revision: string | null;
  /** Where word times come from. `unknown`: only its decoder can tell. */
  readonly wordTimes: 'attention' | 'approximate' | 'none' | 'unknown';
  readonly cached: readonly CachedFiles[];
}

/** Every known name, then every other repository that was fetched by its hub id. */
export async function listModels(cacheDir: string): Promise<readonly ListedModel[]> {
  const cache = await cachedModels(resolve(cacheDir));
  const of = (repository: string): readonly CachedFiles[] =>
    cache
      .filter(({ manifest }) => manifest.repository === repository)
      .map(({ folder, manifest }) => describe(folder, manifest));
  const npm = await Promise.all(
    Object.entries(PACKAGED_MODELS).map(async ([name, known]): Promise<ListedModel> => {
      const folder = resolve(cacheDir, known.folder);
      const there = await verifyModels(cacheDir, name).then(([only]) => only?.problem === null);
      return {
        name,
        source: known.source,
        revision: null,
        wordTimes: 'approximate',
        cached: there ? [{ folder, commit: null, dtypes: ['int8'], bytes: sumBytes(known.files) }] : [],
      };
    }),
  );
  const named = Object.entries(HUB_MODELS).map(([name, { repository, revision, wordTimes }]): ListedModel => ({
    name,
    source: repository,
    revision,
    wordTimes: wordTimes ? 'attention' : 'none',
    cached: of(repository),
  }));
  const others = new Set(cache.map(({ manifest }) => manifest.repository));
  for (const { repository } of Object.values(HUB_MODELS)) others.delete(repository);
  return [
    ...npm,
    ...named,
    ...[...others].map((repository): ListedModel => ({
      name: repository,
      source: repository,
      revision: 'main',
      wordTimes: 'unknown',
      cached: of(repository),
    })),
  ];
}

export interface PullOptions {
  readonly cacheDir: string;
  readonly dtype: Dtype;
  readonly device: Device;
  readonly hub: HubSettings;
  readonly onProgress?: OnModelProgress;
}

/** What `pullModel` brought or found whole. */
export interface PulledModel {
  readonly name: string;
  readonly folder: string;
  readonly commit: string | null;
  readonly dtype: string;
  readonly bytes: number;
}

/** Fetches a model into the cache: what is missing, what is damaged, and what a branch has moved to. Throws `ModelFileFault` or `HubFault`. */
export async function pullModel(asked: string, options: PullOptions): Promise<PulledModel> {
  const known = Object.hasOwn(PACKAGED_MODELS, asked) ? PACKAGED_MODELS[asked] : undefined;
  if (known !== undefined) {
    // It comes by way of npm, which the set-up asks; here it can only be checked.
    const { folder } = await resolveModel(asked, options);
    return { name: asked, folder, commit: null, dtype: 'int8', bytes: sumBytes(known.files) };
  }
  const reference = readHubReference(asked);
  if (reference === null)
    throw new ModelFileFault(
      `${asked} is no model of the hub: use one of ${Object.keys(HUB_MODELS).join(', ')}, or an id as in onnx-community/whisper-base_timestamped`,
    );
  const { folder, commit, dtype, files } = await fetchModel(reference, {
    ...options,
    cacheDir: resolve(options.cacheDir),
    refresh: !options.hub.offline,
  });
  return { name: reference.id, folder, commit, dtype, bytes: sumBytes(files) };
}

/** What verifying one model's files found. */
export interface VerifiedModel {
  readonly name: string;
  readonly commit: string | null;
  readonly files: number;
  readonly bytes: number;
  /** The first file that is wrong: expected and found; null when all are right. */
  readonly problem: string | null;
}

/** Reads every cached byte of one model, or of all, and compares checksums. Empty when nothing of it is cached. Asks nobody. */
export async function verifyModels(
  cacheDir: string,
  asked: string | null,
  onProgress?: OnModelProgress,
): Promise<readonly VerifiedModel[]> {
  const found: VerifiedModel[] = [];
  for (const [name, known] of Object.entries(PACKAGED_MODELS)) {
    if (asked !== null && asked !== name) continue;
    const folder = resolve(cacheDir, known.folder);
    if (asked === null && (await stat(folder).catch(leaveAlone('unreadable', null))) === null) continue;
    const problem = await problemOf(folder, known.files, onProgress);
    found.push({ name, commit: null, files: known.files.length, bytes: sumBytes(known.files), problem });
  }
  const reference = asked === null ? null : readHubReference(asked);
  if (asked !== null && reference === null) return found;
  for (const { folder, manifest } of await cachedModels(resolve(cacheDir))) {
    if (reference !== null && reference.repository !== manifest.repository) continue;
    const name =
      Object.keys(HUB_MODELS).find((one) => HUB_MODELS[one]?.repository === manifest.repository) ?? manifest.repository;
    found.push({
      name,
      commit: manifest.commit,
      files: manifest.files.length,
      bytes: sumBytes(manifest.files),
      problem: await problemOf(folder, manifest.files, onProgress),
    });
  }
  return found;
}

async function problemOf(
  folder: string,
  files: ModelManifest['files'],
  onProgress: OnModelProgress | undefined,
): Promise<string | null> {
  try {
    await verifyFiles(folder, files, { remedy: '', onProgress });
    return null;
  } catch (error) {
    if (error instanceof ModelFileFault) return error.message.trim();
    throw error;
  }
}

function describe(folder: string, { commit, files }: ModelManifest): CachedFiles {
  return { folder, commit, dtypes: dtypesAmong(files.map(({ name }) => name)), bytes: sumBytes(files) };
}

function sumBytes(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((sum, file) => sum + file.bytes, 0);
}
