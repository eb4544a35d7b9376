import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Device } from '@murmuration/onnx';
import { ModelFileFault, verifyFiles, type Dtype, type OnModelProgress } from './model-files.js';
import { fetchModel } from './hub/fetch-model.js';
import { readManifest } from './hub/cached-model.js';
import type { HubSettings } from './hub/hub-settings.js';
import { HUB_MODELS, readHubReference } from './hub-models.js';
import { KNOWN_MODELS } from './known-models.js';

/** A model that lies ready to be loaded; crosses threads. */
export interface ResolvedModel {
  /** Public name. */
  readonly id: string;
  /** The id in letters, digits and dashes: the name of its queue. */
  readonly slug: string;
  readonly family: 'moonshine' | 'whisper' | 'simulated';
  /** Where its files lie; '' for `simulated`, which has none. */
  readonly folder: string;
}

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

const MOONSHINE_FILES = ['encoder_model.onnx', 'decoder_model_merged.onnx'] as const;
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
  const known = Object.hasOwn(KNOWN_MODELS, asked) ? KNOWN_MODELS[asked] : undefined;
  if (known !== undefined) {
    const folder = resolve(cacheDir, known.folder);
    await verifyFiles(folder, known.files, { remedy: `It comes from the ${known.source}. ${SET_UP_AGAIN}`, onProgress });
    return { id: asked, slug: slugOf(asked), family: known.family, folder };
  }
  const reference = readHubReference(asked);
  // A hub id looks like a path of two names; a folder that is there wins over asking the hub.
  if (reference !== null && (Object.hasOwn(HUB_MODELS, reference.id) || !await isFolder(resolve(asked)))) {
    const device = options.device === undefined || options.device === 'simulated' ? 'cpu' : options.device;
    const { folder } = await fetchModel(reference, { cacheDir: resolve(cacheDir), dtype: options.dtype ?? 'auto', device, hub: options.hub ?? null, onProgress });
    return { id: reference.id, slug: slugOf(reference.id), family: 'whisper', folder };
  }
  const folder = resolve(asked);
  if (await isFolder(folder)) return resolveFolder(folder, onProgress);
  const what = /^[./~]|[\\/]/.test(asked) ? `there is no folder ${asked}: a model is` : `the model ${asked} is unknown: use`;
  throw new ModelFileFault(`${what} one of ${[...Object.keys(KNOWN_MODELS), ...Object.keys(HUB_MODELS)].join(', ')}, an id of the hub (onnx-community/whisper-base_timestamped), or the path of a folder that holds a Moonshine or Whisper model`);
}

async function resolveFolder(folder: string, onProgress: OnModelProgress | undefined): Promise<ResolvedModel> {
  const id = basename(folder);
  const type = await modelType(folder);
  if (type !== null && type !== 'whisper' && type !== 'moonshine') throw new ModelFileFault(`config.json of the folder ${id} states the model type ${type}: expected whisper or moonshine`);
  const manifest = await readManifest(folder);
  if (manifest !== null) await verifyFiles(folder, manifest.files, { remedy: `Fetch ${manifest.repository} again`, onProgress });
  if (type === 'whisper') return { id, slug: slugOf(id), family: 'whisper', folder };
  for (const name of MOONSHINE_FILES) {
    const found = await stat(join(folder, name)).catch(() => null);
    if (found === null) throw new ModelFileFault(`the model file ${name} is missing in the folder ${id}: expected ${MOONSHINE_FILES.join(' and ')}, or a config.json of model_type whisper`);
    if (found.size === 0) throw new ModelFileFault(`the model file ${name} in the folder ${id} is empty: expected a graph, found 0 bytes`);
  }
  return { id, slug: slugOf(id), family: 'moonshine', folder };
}

/** `model_type` of the folder's config.json; null when it has none. */
async function modelType(folder: string): Promise<string | null> {
  const text = await readFile(join(folder, 'config.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    throw new ModelFileFault(`the model file config.json is no JSON: expected an object with model_type, found ${String(text.length)} characters that cannot be read. It may be cut short`);
  }
  const type = typeof config === 'object' && config !== null && 'model_type' in config ? config.model_type : undefined;
  if (typeof type !== 'string') throw new ModelFileFault('the model file config.json states no model_type: expected whisper or moonshine');
  return type;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

function slugOf(id: string): string {
  return id.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '') || 'model';
}
