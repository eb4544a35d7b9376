import { openSession, type Device, type OnnxSession, type SessionOptions } from '@murmuration/onnx';
import { TokenChooser } from './decoding/token-chooser.js';
import { DecoderGraph } from './model/decoder-graph.js';
import { EncoderGraph } from './model/encoder-graph.js';
import { ModelFault } from './model/model-fault.js';
import { findGraphs, type WhisperDtype } from './model/model-folder.js';
import { OnnxSpeechModel } from './model/onnx-speech-model.js';
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
  const encoderSession = await open(files.encoder, options);
  let decoderSession: OnnxSession | null = null;
  try {
    const encoder = new EncoderGraph(encoderSession, settings.mels);
    decoderSession = await open(files.decoder, options);
    const decoder = new DecoderGraph(decoderSession, settings);
    const vocabularySize = decoder.vocabularySize ?? settings.vocabularySize;
    const chooser = new TokenChooser({
      endOfText: vocabulary.endOfText,
      noTimestamps: vocabulary.noTimestamps,
      firstTimestamp: vocabulary.firstTimestamp,
      vocabularySize,
      suppress: settings.suppressTokens,
      beginSuppress: settings.beginSuppressTokens,
      maxInitialTimestamp: settings.maxInitialTimestamp,
    });
    const model = new OnnxSpeechModel(encoder, decoder, chooser, { endOfText: vocabulary.endOfText, noSpeech: vocabulary.noSpeech, vocabularySize });
    return { settings, vocabulary, model, dtype: files.dtype };
  } catch (error) {
    await encoderSession.close();
    await decoderSession?.close();
    throw error;
  }
}

async function open(path: string, options: SessionOptions): Promise<OnnxSession> {
  const name = `onnx/${/[^/\\]+$/.exec(path)?.[0] ?? ''}`;
  try {
    return await openSession(path, options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (options.device !== 'cpu' && /provider|backend|device|cuda|webgpu/i.test(reason)) throw new ModelFault('model_device_unavailable', `the device ${options.device} cannot run ${name}`, error);
    throw new ModelFault('model_file_invalid', `${name} of the model cannot be loaded as a graph: it may be cut short or of a kind this runtime does not know`, error);
  }
}
