import type { Device } from '@murmuration/onnx';
import { TokenChooser } from './decoding/token-chooser.js';
import { EncoderGraph } from './model/encoder-graph.js';
import { findGraphs, type WhisperDtype } from './model/model-folder.js';
import { OnnxSpeechModel } from './model/onnx-speech-model.js';
import { openDecoder, openGraph } from './model/open-decoder.js';
import { textMask } from './model/token-scores.js';
import { Vocabulary } from './model/vocabulary.js';
import { readWhisperSettings } from './model/whisper-settings.js';
import type { WhisperParts } from './whisper-parts.js';
import { WhisperRecognizer } from './whisper-recognizer.js';

/** Which Whisper to load, and how it runs. */
export interface WhisperLoadOptions {
  /** Folder in onnx-community's layout: config.json, generation_config.json, tokenizer.json, onnx/encoder_model….onnx, onnx/decoder_model_merged….onnx. */
  readonly folder: string;
  readonly dtype: WhisperDtype | 'auto';
  readonly device: Device;
  /** Threads inside one operator. */
  readonly threads: number;
  /** CUDA device number; default 0. */
  readonly deviceId?: number;
  /** Public name of the model; default: the folder's name. */
  readonly id?: string;
}

/** Loads a Whisper of any size, language set and export. Throws `ModelFault` when the folder, a file, the dtype or the device is not what it must be. */
export async function loadWhisper(options: WhisperLoadOptions): Promise<WhisperRecognizer> {
  return new WhisperRecognizer(options.id ?? (/([^/\\]+)[/\\]*$/.exec(options.folder)?.[1] ?? 'whisper'), await loadWhisperParts(options));
}

/** Loads settings, vocabulary and graphs. Throws `ModelFault`. */
export async function loadWhisperParts(options: WhisperLoadOptions): Promise<WhisperParts> {
  const settings = await readWhisperSettings(options.folder);
  const files = await findGraphs(options.folder, options.dtype, options.device);
  const vocabulary = await Vocabulary.load(options.folder, settings);
  const mask = textMask(vocabulary.endOfText, settings.suppressTokens, settings.beginSuppressTokens);
  const opened: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(one: T): T => {
    opened.push(one);
    return one;
  };
  try {
    const encoder = new EncoderGraph(keep(await openGraph(files.encoder, options)), settings.mels, options.device === 'cpu');
    const decoder = keep(await openDecoder(files.decoder, settings, mask, options));
    const chooser = new TokenChooser({
      endOfText: vocabulary.endOfText,
      noTimestamps: vocabulary.noTimestamps,
      firstTimestamp: vocabulary.firstTimestamp,
      vocabularySize: decoder.vocabularySize ?? settings.vocabularySize,
      suppress: settings.suppressTokens,
      beginSuppress: settings.beginSuppressTokens,
      maxInitialTimestamp: settings.maxInitialTimestamp,
    });
    const model = new OnnxSpeechModel(encoder, decoder, chooser, { endOfText: vocabulary.endOfText, noSpeech: vocabulary.noSpeech });
    return { settings, vocabulary, model, dtype: files.dtype };
  } catch (error) {
    for (const one of opened) await one.close();
    throw error;
  }
}
