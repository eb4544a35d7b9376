import type { Recognizer } from '../recognizer.js';
import type { LoadOptions, ModelFamily } from './model-family.js';
import { MOONSHINE } from './moonshine/moonshine-family.js';
import { SIMULATED, SimulatedRecognizer } from './simulated/simulated-recognizer.js';
import { WHISPER } from './whisper/whisper-family.js';

/** The families by name, which is what `model_type` of a model's config.json says. */
export const FAMILIES: Readonly<Record<string, ModelFamily>> = {
  whisper: WHISPER,
  moonshine: MOONSHINE,
  simulated: SIMULATED,
};

/** The family of a folder without a config.json. */
export const FAMILY_WITHOUT_CONFIG = 'moonshine';

type FamilyWithFiles = ModelFamily & { readonly checkFolder: NonNullable<ModelFamily['checkFolder']> };

/** The family of that name when its models have files. */
export function familyWithFiles(name: string): FamilyWithFiles | undefined {
  const family = Object.hasOwn(FAMILIES, name) ? FAMILIES[name] : undefined;
  return family === undefined || family.checkFolder === null
    ? undefined
    : { ...family, checkFolder: family.checkFolder };
}

/** Loads the model of any family. Throws an error that says what is wrong with the model's files, the dtype or the device. */
export async function loadRecognizer(options: LoadOptions): Promise<Recognizer> {
  const { model, device } = options;
  if (device === 'simulated') return new SimulatedRecognizer(model, options.simulatedCost);
  const family = FAMILIES[model.family];
  if (family === undefined)
    throw new RangeError(`the model family ${model.family} is unknown: use one of ${Object.keys(FAMILIES).join(', ')}`);
  return family.load({ ...options, device });
}
