import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Device } from '@murmuration/onnx';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { FAMILIES, FAMILY_WITHOUT_CONFIG, familyWithFiles } from '../families/registry.js';
import type { ResolvedModel } from '../families/model-family.js';
import { HUB_MODELS, PACKAGED_MODELS, readHubReference } from './known-models.js';
import { ModelFileFault, verifyFiles, type Dtype, type OnModelProgress } from './model-files.js';
import { fetchModel } from './hub/fetch-model.js';
import { readManifest } from './hub/cached-model.js';
import type { HubSettings } from './hub/hub-settings.js';

export interface ResolveOptions {
  /** Folder that holds models by name. */
  readonly cacheDir: string;
  /** Decides, for a model of the hub, which files are taken; default auto. */
  readonly dtype?: Dtype;
  /** What `auto` is for; default cpu. */
  readonly device?: Device | 'simulated';
  /** Where models that are not cached come from; default: the hub is never asked. */
  readonly hub?: HubSettings;
  readonly onProgress?: OnModelProgress;
}

const SET_UP_AGAIN = 'Delete it if it is there, and run the set-up (npm start) again';

/**
 * Finds a model by its name, hub id or folder. Names come before folders. Files of known names and of the hub are checked by size
 * and SHA-256, those of a folder too when it has a manifest of the cache, else by being there.
 * Throws `ModelFileFault`, which names the file, what was expected and what was found, or the names that are known; `HubFault` when
 * the hub cannot be had.
 */
export async function resolveModel(asked: string, options: ResolveOptions): Promise<ResolvedModel> {
  const { cacheDir, onProgress } = options;
  if (asked === 'simulated') return { id: 'simulated', slug: 'simulated', family: 'simulated', folder: '' };
  const known = Object.hasOwn(PACKAGED_MODELS, asked) ? PACKAGED_MODELS[asked] : undefined;
  if (known !== undefined) {
    const folder = resolve(cacheDir, known.folder);
    await verifyFiles(folder, known.files, {
      remedy: `It comes from the ${known.source}. ${SET_UP_AGAIN}`,
      onProgress,
    });
    return { id: asked, slug: slugOf(asked), family: known.family, folder };
  }
  const reference = readHubReference(asked);
  // A hub id looks like a path of two names; a folder that is there wins over asking the hub.
  if (reference !== null && (Object.hasOwn(HUB_MODELS, reference.id) || !(await isFolder(resolve(asked))))) {
    const device = options.device === undefined || options.device === 'simulated' ? 'cpu' : options.device;
    const { folder, family } = await fetchModel(reference, {
      cacheDir: resolve(cacheDir),
      dtype: options.dtype ?? 'auto',
      device,
      hub: options.hub ?? null,
      onProgress,
    });
    return { id: reference.id, slug: slugOf(reference.id), family, folder };
  }
  const folder = resolve(asked);
  if (await isFolder(folder)) return resolveFolder(folder, onProgress);
  const what = /^[./~]|[\\/]/.test(asked)
    ? `there is no folder ${asked}: a model is`
    : `the model ${asked} is unknown: use`;
  throw new ModelFileFault(
    `${what} one of ${[...Object.keys(PACKAGED_MODELS), ...Object.keys(HUB_MODELS)].join(', ')}, an id of the hub (onnx-community/whisper-base_timestamped), or the path of a folder that holds a Moonshine or Whisper model`,
  );
}

async function resolveFolder(folder: string, onProgress: OnModelProgress | undefined): Promise<ResolvedModel> {
  const id = basename(folder);
  const name = (await modelType(folder)) ?? FAMILY_WITHOUT_CONFIG;
  const family = familyWithFiles(name);
  if (family === undefined)
    throw new ModelFileFault(
      `config.json of the folder ${id} states the model type ${name}: expected ${Object.keys(FAMILIES)
        .filter((one) => familyWithFiles(one) !== undefined)
        .join(' or ')}`,
    );
  const manifest = await readManifest(folder);
  if (manifest !== null)
    await verifyFiles(folder, manifest.files, { remedy: `Fetch ${manifest.repository} again`, onProgress });
  await family.checkFolder(folder, id);
  return { id, slug: slugOf(id), family: name, folder };
}

/** `model_type` of the folder's config.json; null when it has none. */
async function modelType(folder: string): Promise<string | null> {
  const text = await readFile(join(folder, 'config.json'), 'utf8').catch(leaveAlone('unreadable', null));
  if (text === null) return null;
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    throw new ModelFileFault(
      `the model file config.json is no JSON: expected an object with model_type, found ${String(text.length)} characters that cannot be read. It may be cut short`,
    );
  }
  const type = typeof config === 'object' && config !== null && 'model_type' in config ? config.model_type : undefined;
  if (typeof type !== 'string')
    throw new ModelFileFault(
      `the model file config.json states no model_type: expected one of ${Object.keys(FAMILIES)
        .filter((name) => familyWithFiles(name) !== undefined)
        .join(', ')}`,
    );
  return type;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(leaveAlone('unreadable', null)))?.isDirectory() ?? false;
}

function slugOf(id: string): string {
  return (
    id
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '') || 'model'
  );
}
