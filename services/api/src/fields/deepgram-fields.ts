import { z } from 'zod';
import { AsrError, languageOf, transcribeOptionsSchema } from '@murmuration/contracts';
import { RAW_ENCODINGS, type RawFormat } from '../upload/raw-samples.js';
import { FieldBag, parseFields, textField, type UploadReader } from './field-bag.js';
import { trackField } from './transcribe-fields.js';

const words = z.array(z.string().max(1_000)).max(1_000).optional();

/** Fields that may be given more than once. */
const DEEPGRAM_LISTS: readonly string[] = [
  'keyterm',
  'keywords',
  'redact',
  'search',
  'replace',
  'tag',
  'extra',
  'custom_topic',
  'custom_intent',
  'detect_language',
];

/** Fields of `POST /v1/listen` (@deepgram/sdk, `MediaTranscribeRequestOctetStream`). Others are let pass, for clients grow. */
export const deepgramFieldsSchema = z.object({
  model: textField(z.string().max(256)).describe(
    "A model that GET /v1/models lists; Deepgram's own names mean the default.",
  ),
  language: textField(z.string().max(64)).describe(
    'A language tag; found by the model when left out, found again for each stretch of speech when `multi`.',
  ),
  detect_language: words.describe(
    '`true` tells the language that was found; so do codes, of which one alone is taken as the language.',
  ),
  track: trackField,
  encoding: textField(z.string().max(64)).describe(
    'Of samples without a header: `linear16`, `linear32` (float), `mulaw`, `alaw`. A file with a header says it itself, and other names are let pass.',
  ),
  sample_rate: textField(z.number().int().min(1_000).max(384_000)).describe(
    'Of samples without a header; needed with `encoding` for those.',
  ),
  channels: textField(z.number().int().min(1).max(64)).describe('Of samples without a header; 1 when left out.'),
  multichannel: textField(z.boolean()).describe('Transcribes each channel by itself.'),
  utterances: textField(z.boolean()).describe('Adds the list of utterances.'),
  utt_split: textField(z.number().min(0.1).max(10)).describe('Silence that ends an utterance, seconds.'),
  keyterm: words.describe('Words to favour.'),
  keywords: words.describe('Words to favour; a weight after a colon is let pass.'),
  redact: words.describe('Not served: refused unless `false`.'),
  callback: textField(z.string().max(2_048)).describe('Not served: refused. Submit a job with a webhook instead.'),
});

/** The format that a request gives for samples without a header; null where it gives none. Throws `invalid_field`. */
export function rawFormatOf(query: unknown): RawFormat | null {
  const bag = new FieldBag(DEEPGRAM_LISTS);
  bag.addQuery(query);
  const { encoding = '', sample_rate: rateHz, channels = 1 } = parseFields(deepgramFieldsSchema, bag);
  if (!isRawEncoding(encoding) || rateHz === undefined) return null;
  return { encoding, rateHz, channels };
}

function isRawEncoding(encoding: string): encoding is RawFormat['encoding'] {
  return Object.hasOwn(RAW_ENCODINGS, encoding);
}

/** A JSON body of `POST /v1/listen`. */
export const deepgramUrlSchema = z.object({
  url: z.string().max(8_192).describe('Where the recording is fetched from.'),
});

/** How `POST /v1/listen` answers. */
export interface DeepgramAnswer {
  readonly utterances: boolean;
  readonly split: boolean;
  readonly tellLanguage: boolean;
}

/** @param wordTimestamps whether the model that is asked for gives times of words: Deepgram's answers always have them */
export function deepgramReader(wordTimestamps: boolean): UploadReader<DeepgramAnswer> {
  return {
    lists: DEEPGRAM_LISTS,
    schema: deepgramFieldsSchema,
    strict: false,
    read(bag) {
      const fields = parseFields(deepgramFieldsSchema, bag);
      refuse('redact', fields.redact?.some((value) => value !== 'false') ?? false);
      refuse('callback', fields.callback !== undefined);
      const split = fields.multichannel ?? false;
      const detected = detectedLanguages(fields.detect_language);
      const only = detected?.length === 1 ? detected[0] : undefined;
      const options = transcribeOptionsSchema.parse({
        model: fields.model ?? null,
        track: fields.track ?? null,
        channels: split ? 'split' : 'mix',
        detect: fields.utt_split === undefined ? {} : { minSilenceMs: Math.round(fields.utt_split * 1_000) },
        decode: {
          language: languageOf(detected === null ? fields.language : only),
          wordTimestamps,
          hotwords: [
            ...(fields.keyterm ?? []),
            ...(fields.keywords ?? []).map((word) => word.replace(/:-?[\d.]+$/, '')),
          ].join(', '),
        },
      });
      return {
        options,
        answer: { utterances: fields.utterances ?? false, split, tellLanguage: detected !== null },
      };
    },
  };
}

function refuse(name: string, asked: boolean): void {
  if (asked)
    throw new AsrError(
      'invalid_field',
      `${name}: is not served here, and leaving it undone would not be what you expect.`,
      { param: name },
    );
}

/** The languages that detection may find, empty for all; null where it was not asked for. */
function detectedLanguages(values: readonly string[] | undefined): string[] | null {
  const asked = (values ?? []).map((value) => value.trim()).filter((value) => !/^(?:|false|0|no|off)$/i.test(value));
  return asked.length === 0 ? null : asked.filter((value) => !/^(?:true|1|yes|on)$/i.test(value));
}
