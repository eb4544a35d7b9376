import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { KNOWN_MODELS, WHISPER_NAMES } from './known-models.js';
import { ModelFileFault } from './model-file-fault.js';
import { verifyFiles } from './verify-files.js';

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
}

const MOONSHINE_FILES = ['encoder_model.onnx', 'decoder_model_merged.onnx'] as const;

/**
 * Finds a model by its name or folder and checks its files: those of a known name by size and SHA-256, those of a folder by being there.
 * Throws `ModelFileFault`, which names the file, what was expected and what was found, or the names that are known.
 */
export async function resolveModel(nameOrFolder: string, { cacheDir }: ResolveOptions): Promise<ResolvedModel> {
  if (nameOrFolder === 'simulated') return { id: 'simulated', slug: 'simulated', family: 'simulated', folder: '' };
  const known = Object.hasOwn(KNOWN_MODELS, nameOrFolder) ? KNOWN_MODELS[nameOrFolder] : undefined;
  if (known !== undefined) {
    const folder = resolve(cacheDir, known.folder);
    await verifyFiles(folder, known.files, known.source);
    return { id: nameOrFolder, slug: slugOf(nameOrFolder), family: known.family, folder };
  }
  const folder = resolve(nameOrFolder);
  if (await isFolder(folder)) return resolveFolder(folder);
  const names = Object.keys(KNOWN_MODELS).join(', ');
  if (WHISPER_NAMES.has(nameOrFolder)) throw new ModelFileFault(`the model ${nameOrFolder} comes with the download from the hub, which is not there yet: use ${names}, or the path of a folder that holds it`);
  throw new ModelFileFault(`the model ${nameOrFolder} is unknown: use ${names}, or the path of a folder that holds a Moonshine or Whisper model`);
}

async function resolveFolder(folder: string): Promise<ResolvedModel> {
  const id = basename(folder);
  const type = await modelType(folder);
  if (type === 'whisper') return { id, slug: slugOf(id), family: 'whisper', folder };
  if (type !== null && type !== 'moonshine') throw new ModelFileFault(`config.json of the folder ${id} states the model type ${type}: expected whisper or moonshine`);
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
