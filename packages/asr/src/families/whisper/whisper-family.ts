import type { Binding, Device, GpuOptions } from '@murmuration/onnx';
import { TokenChooser } from './decoding/token-chooser.js';
import { FeaturesHere, featureThreadsFor, FeatureThreads } from './features/feature-source.js';
import { LogMelExtractor } from './features/log-mel.js';
import { EncoderGraph } from './model/encoder-graph.js';
import { findGraphs, type WhisperDtype } from '../../models/model-folder.js';
import { OnnxSpeechModel } from './model/onnx-speech-model.js';
import { openDecoder, openEncoder } from './model/open-decoder.js';
import { tokenMask } from './model/token-scores.js';
import { Vocabulary } from './model/vocabulary.js';
import { readWhisperSettings } from './model/whisper-settings.js';
import type { HubModel, ModelFamily } from '../model-family.js';
import type { WhisperParts } from './whisper-parts.js';
import { WhisperRecognizer, type Overlap } from './whisper-recognizer.js';

/** Which Whisper to load, and how it runs. */
export interface WhisperLoadOptions {
  /** Folder in onnx-community's layout: config.json, generation_config.json, tokenizer.json, onnx/encoder_model….onnx, onnx/decoder_model_merged….onnx. */
  readonly folder: string;
  readonly dtype: WhisperDtype | 'auto';
  readonly device: Device;
  /** Threads inside one operator. */
  readonly threads: number;
  /** CUDA device number; default 0. */
  readonly deviceId?: number | undefined;
  /** How the runtime is reached; default: that of packages/onnx. */
  readonly binding?: Binding | undefined;
  /** How a CUDA card is used. */
  readonly gpu?: GpuOptions | undefined;
  /** Whether the next batch is made ready while one is decoded; default on a graphics card. */
  readonly ahead?: boolean | undefined;
  /** Whether an English-only model encodes short audio in windows shorter than 30 s, which takes 0.5 to 0.8 of the time; default on a CPU. */
  readonly shortWindows?: boolean;
  /** Public name of the model; default: the folder's name. */
  readonly id?: string;
}

/** Loads a Whisper of any size, language set and export. Throws `ModelFault` when the folder, a file, the dtype or the device is not what it must be. */
export async function loadWhisper(options: WhisperLoadOptions): Promise<WhisperRecognizer> {
  const parts = await loadWhisperParts(options);
  try {
    return new WhisperRecognizer(
      options.id ?? /([^/\\]+)[/\\]*$/.exec(options.folder)?.[1] ?? 'whisper',
      parts,
      await overlapFor(options, parts.settings.mels),
    );
  } catch (error) {
    await parts.model.close();
    throw error;
  }
}

/** How its batches overlap. The binding of Node blocks its thread in every run: there only the features are made ready. */
async function overlapFor(options: WhisperLoadOptions, mels: number): Promise<Overlap> {
  const here = new LogMelExtractor(mels);
  if (!makesReady(options)) return { depth: 1, encodes: false, features: new FeaturesHere(here) };
  return {
    depth: 2,
    encodes: options.device !== 'webgpu' && options.binding !== 'node',
    features: await FeatureThreads.start(mels, featureThreadsFor(), here),
  };
}

function makesReady({ device, ahead = device !== 'cpu' }: Pick<WhisperLoadOptions, 'device' | 'ahead'>): boolean {
  return ahead;
}

/**
 * Loads settings, vocabulary and graphs. Throws `ModelFault`.
 * @param onCard whether encoder and decoder are made as for a graphics card, batches and tensors that stay there included
 */
export async function loadWhisperParts(
  options: WhisperLoadOptions,
  onCard = options.device !== 'cpu',
): Promise<WhisperParts> {
  const settings = await readWhisperSettings(options.folder);
  const files = await findGraphs(options.folder, options.dtype, options.device);
  const vocabulary = await Vocabulary.load(options.folder, settings);
  const mask = tokenMask(vocabulary.endOfText, settings.suppressTokens, settings.beginSuppressTokens);
  const session = { ...options, apart: makesReady(options) };
  const opened: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(one: T): T => {
    opened.push(one);
    return one;
  };
  try {
    const encoder = new EncoderGraph(
      // Of other languages short windows lose words (whisper-base int8: 58 of 175 wrong against 55 over 30 s) and, written twice, time.
      keep(
        await openEncoder(
          files.encoder,
          settings.encoderHeads,
          (options.shortWindows ?? !onCard) && !vocabulary.multilingual,
          session,
          onCard,
        ),
      ),
      settings.mels,
      !onCard,
    );
    const decoder = keep(await openDecoder(files.decoder, settings, mask, session, onCard));
    const chooser = new TokenChooser({
      endOfText: vocabulary.endOfText,
      noTimestamps: vocabulary.noTimestamps,
      firstTimestamp: vocabulary.firstTimestamp,
      vocabularySize: decoder.vocabularySize ?? settings.vocabularySize,
      suppress: settings.suppressTokens,
      beginSuppress: settings.beginSuppressTokens,
      maxInitialTimestamp: settings.maxInitialTimestamp,
    });
    const model = new OnnxSpeechModel(encoder, decoder, chooser, mask, vocabulary.noSpeech);
    return { settings, vocabulary, model, dtype: files.dtype };
  } catch (error) {
    for (const one of opened) await one.close();
    throw error;
  }
}

const TIMED = { wordTimes: true };
const UNTIMED = { wordTimes: false };

/** Whisper's names. Exports with attentions (`_timestamped`) are taken where they exist. */
const HUB_MODELS: Readonly<Record<string, HubModel>> = {
  tiny: {
    repository: 'onnx-community/whisper-tiny_timestamped',
    revision: '517244293732ee2d58139af5814231b7e6830a0d',
    ...TIMED,
  },
  'tiny.en': {
    repository: 'onnx-community/whisper-tiny.en_timestamped',
    revision: 'aeaa13760958b03fac5062f457d317d3319c3168',
    ...TIMED,
  },
  base: {
    repository: 'onnx-community/whisper-base_timestamped',
    revision: '608c49e61301901684bc36cac8f74b95ff6b5a8e',
    ...TIMED,
  },
  'base.en': { repository: 'onnx-community/whisper-base.en_timestamped', revision: 'main', ...TIMED },
  small: {
    repository: 'onnx-community/whisper-small_timestamped',
    revision: '65caa70f294b46e1c33ff820aae6b16d048ab818',
    ...TIMED,
  },
  'small.en': {
    repository: 'onnx-community/whisper-small.en_timestamped',
    revision: '390528d8674b71ea7651a389932719d1de78d186',
    ...TIMED,
  },
  medium: { repository: 'onnx-community/whisper-medium_timestamped', revision: 'main', ...TIMED },
  'medium.en': {
    repository: 'onnx-community/whisper-medium.en_timestamped',
    revision: '475d02b986111e8e2d28206d82e64bb820f5c6db',
    ...TIMED,
  },
  'large-v1': { repository: 'Xenova/whisper-large', revision: '451f4b004423a67138e1d510de9c7cd904c259e7', ...UNTIMED },
  'large-v2': { repository: 'Xenova/whisper-large-v2', revision: 'main', ...UNTIMED },
  'large-v3': { repository: 'onnx-community/whisper-large-v3_timestamped', revision: 'main', ...TIMED },
  'large-v3-turbo': {
    repository: 'onnx-community/whisper-large-v3-turbo_timestamped',
    revision: 'b3f77bf9a8c4d5ea3415827033d1ffea7955fd9a',
    ...TIMED,
  },
  'distil-small.en': {
    repository: 'onnx-community/distil-small.en',
    revision: '69be759f982d1d4c5b8a987d4140752742619bd0',
    ...UNTIMED,
  },
  'distil-medium.en': {
    repository: 'onnx-community/distil-medium.en_timestamped',
    revision: 'd704e107ffa44ed520b66457d7ca8422b07b9605',
    ...TIMED,
  },
  'distil-large-v2': { repository: 'distil-whisper/distil-large-v2', revision: 'main', ...UNTIMED },
  'distil-large-v3': { repository: 'distil-whisper/distil-large-v3', revision: 'main', ...UNTIMED },
  'distil-large-v3.5': { repository: 'onnx-community/distil-large-v3.5-ONNX', revision: 'main', ...UNTIMED },
};

/** Whisper of any size, in onnx-community's layout, from the hub or a folder. */
export const WHISPER: ModelFamily = {
  packaged: {},
  hubModels: HUB_MODELS,
  // As Whisper's own tools call them.
  hubAliases: { large: 'large-v3', turbo: 'large-v3-turbo' },
  hubRefusal: null,
  mixesLengths: false,
  // Loading names whatever is missing.
  checkFolder: () => Promise.resolve(),
  load: ({ model: { folder, id }, dtype, device, threads, deviceId, binding, gpu, ahead }) =>
    loadWhisper({ folder, id, dtype, device, threads, deviceId, binding, gpu, ahead }),
};
