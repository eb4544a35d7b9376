import { statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Top folder of the checkout, absolute. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url)).replace(/[\\/]$/, '');

/** Folder (git-ignored) of everything that is fetched or written outside of dist and node_modules. */
export const LOCAL_FOLDER = join(ROOT, '.murmuration');

/** Where model files are kept: `MODEL_CACHE`, relative to the checkout, else `.murmuration/models`. Absolute. */
export function modelCache(environment = process.env) {
  const wanted = environment.MODEL_CACHE;
  return wanted === undefined || wanted === '' ? join(LOCAL_FOLDER, 'models') : resolve(ROOT, wanted);
}

/** Where a running `npm start` keeps its logs, its Redis data and its process ids: `STATE_DIR`, relative to the checkout, else `.murmuration`. Absolute. */
export function stateFolder(environment = process.env) {
  const wanted = environment.STATE_DIR;
  return wanted === undefined || wanted === '' ? LOCAL_FOLDER : resolve(ROOT, wanted);
}

/**
 * A path that a person typed, absolute. npm changes to the checkout before it runs a script and keeps the person's folder in `INIT_CWD`.
 * @param {string} path
 * @returns {string}
 */
export function typedPath(path, environment = process.env) {
  return isAbsolute(path) ? path : resolve(environment.INIT_CWD ?? process.cwd(), path);
}

/**
 * A model as a person typed it: a folder, when it begins with a dot or when there is a folder of that path, becomes absolute. A
 * plain name without a slash stays a name, whatever lies around, and so does an id of the hub (`owner/name`) where no such folder is.
 * @param {string} model
 * @returns {string}
 */
export function typedModel(model, environment = process.env) {
  if (/^\.{1,2}([\\/]|$)/.test(model)) return typedPath(model, environment);
  if (!/[\\/]/.test(model)) return model;
  const path = typedPath(model, environment);
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? path : model;
}
