import {
  AsrError,
  type ModelCard,
  languageFor,
  type ModelDescription,
  type TranscribeOptions,
} from '@murmuration/contracts';
import type { Cards } from '@murmuration/store';

/** OpenAI's names, and those of Deepgram's models and their variants. */
const OTHERS_NAMES =
  /^(?:whisper-1|gpt-[\w.-]+|(?:2-)?(?:nova|enhanced|base|flux|general|meeting|phonecall|voicemail|finance|conversationalai|video|medical|drivethru|automotive|atc)(?:-[\w.]+)*)$/;
/** Whisper's sizes, their versions and languages, as they are left when the words below are taken away. */
const WHISPER = /^(?:(?:distil-)?(?:tiny|base|small|medium|large|turbo)(?:-v\d(?:\.\d)?)?(?:-turbo)?(?:\.en)?)$/;
/** What names of exports say of the format; it does not make another model. */
const FORMAT =
  /^(?:ct2|ctranslate2|onnx|mlx|ggml|gguf|cpp|bin|timestamped|quantized|openvino|int8|int4|fp16|fp32|float16|float32|bf16|bfloat16|[48]bit|q\d|q\d[_k].*|latest|multilingual)$/;
/** Other names of the same sizes, as Whisper's own tools use them. */
const SAME_SIZES: Readonly<Record<string, string>> = {
  v1: 'large-v1',
  v2: 'large-v2',
  v3: 'large-v3',
  'v3-turbo': 'large-v3-turbo',
  large: 'large-v3',
  turbo: 'large-v3-turbo',
  'large-turbo': 'large-v3-turbo',
  'distil-large': 'distil-large-v3',
};

/**
 * The model that serves a name, by one rule at every endpoint, however many models are served:
 * 1. its own name (id, queue name), else a spelling of it (`openai/whisper-base`, `Systran/faster-whisper-base`, `base` for `whisper-base`);
 * 2. a name of OpenAI's, Deepgram's or Whisper's models, or none at all: the default, which is `DEFAULT_MODEL`, else the one whose worker has served longest.
 * Any other name throws `model_not_found` with the names that are served.
 * @param cards with one model at least
 * @param defaultModel as the operator names it, or null
 */
export function chooseModel(name: string | null, cards: Cards, defaultModel: string | null): ModelCard {
  if (name !== null && name !== '') {
    const own = namedModel(name, cards.models);
    if (own !== null) return own;
    if (!isAlias(name)) {
      const names = candidates(cards).map((card) => card.model.id);
      throw new AsrError(
        'model_not_found',
        `No worker serves this model. Leave it out, or use one that is served: ${names.join(', ')}.`,
        { param: 'model' },
      );
    }
  }
  const [oldest] = candidates(cards);
  const found = (defaultModel === null ? null : namedModel(defaultModel, cards.models)) ?? oldest;
  if (found === undefined) throw new AsrError('no_worker');
  return found;
}

function namedModel(name: string, models: readonly ModelCard[]): ModelCard | null {
  const exact = models.find((card) => card.model.id === name || card.model.slug === name);
  if (exact !== undefined) return exact;
  const plain = plainName(name);
  return plain === '' ? null : (models.find((card) => plainName(card.model.id) === plain) ?? null);
}

function isAlias(name: string): boolean {
  const last = lastPart(name);
  const plain = plainName(name);
  return OTHERS_NAMES.test(last) || (plain === '' ? last.includes('whisper') : WHISPER.test(plain));
}

/** A name without its owner, case, revision and format, and without what all of Whisper's names have; empty for `whisper` itself. */
function plainName(name: string): string {
  const words = lastPart(name)
    .replace(/\.(?:bin|gguf|pt)$/, '')
    .replaceAll(/[_\s]/g, '-')
    .replace(/-(q\d)-\w+$/, '-$1')
    .split('-');
  const kept = words.filter(
    (word) => !FORMAT.test(word) && word !== 'whisper' && word !== 'faster' && word !== 'openai',
  );
  if (kept.length > 1 && kept.at(-1) === 'en') kept.splice(-2, 2, `${kept.at(-2) ?? ''}.en`);
  const plain = kept.join('-');
  return Object.hasOwn(SAME_SIZES, plain) ? (SAME_SIZES[plain] ?? plain) : plain;
}

function lastPart(name: string): string {
  return (
    name
      .trim()
      .toLowerCase()
      .split('/')
      .at(-1)
      ?.split(/@|:latest$/)[0] ?? ''
  );
}

/** The models that can be chosen where none is named, the longest served first: those that a worker serves now, else those whose workers are expected back. */
function candidates({ models, workers }: Cards): ModelCard[] {
  const since = (card: ModelCard, all: readonly ModelCard[]): number =>
    Math.min(...all.filter((worker) => worker.model.slug === card.model.slug).map((worker) => worker.startedAtMs));
  const serving = workers.filter((worker) => !worker.draining);
  for (const some of [serving, workers, models]) {
    const served = models.filter((card) => Number.isFinite(since(card, some)));
    if (served.length > 0)
      return served.sort(
        (one, other) => since(one, some) - since(other, some) || one.model.id.localeCompare(other.model.id),
      );
  }
  return [];
}

/** What is asked, in the words of the model. Throws when it cannot do it: `unsupported_language`, `unsupported_task`, `word_timestamps_unavailable`. */
export function optionsFor(options: TranscribeOptions, model: ModelDescription): TranscribeOptions {
  const { task, wordTimestamps } = options.decode;
  const language = languageFor(options.decode.language, model);
  if (!model.tasks.includes(task)) {
    throw new AsrError('unsupported_task', `The model ${model.id} cannot ${task}. Use a multilingual Whisper model.`, {
      param: 'task',
    });
  }
  if (wordTimestamps && model.wordTimes === 'none') {
    throw new AsrError(
      'word_timestamps_unavailable',
      `The model ${model.id} gives no word times. Use an export whose name ends in _timestamped.`,
      { param: 'word_timestamps' },
    );
  }
  return { ...options, decode: { ...options.decode, language } };
}
