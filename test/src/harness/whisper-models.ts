import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './service-process.js';

const MODELS = join(ROOT, '..', 'shared', 'models');

/** Folder of the English Whisper beside the checkout. */
export const WHISPER_TINY_EN = join(MODELS, 'whisper-tiny.en');

/** Folder of the multilingual Whisper of random weights: it writes nonsense, and knows languages and tasks. */
export const WHISPER_RANDOM = join(MODELS, 'whisper-random-multilingual');

/** Why tests of Whisper through the API nodes are skipped; false when models and clips are there. */
export const WITHOUT_WHISPER =
  existsSync(join(WHISPER_TINY_EN, 'onnx')) &&
  existsSync(join(WHISPER_RANDOM, 'onnx')) &&
  existsSync(join(ROOT, '..', 'shared', 'audio', 'manifest.json'))
    ? false
    : 'the models and clips of the evaluation are not beside the checkout';
