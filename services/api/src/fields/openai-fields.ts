import { z } from 'zod';
import {
  AsrError,
  MULTI,
  languageOf,
  responseFormatSchema,
  transcribeOptionsSchema,
  type DetectOptions,
  type ResponseFormat,
} from '@murmuration/contracts';
import type { CueLayout } from '@murmuration/transcript';
import { parseFields, textField, type ReadFields, type UploadReader } from './field-bag.js';
import { layoutFrom, PROMPT_LENGTH, subtitleFields, trackField } from './transcribe-fields.js';

const common = {
  model: textField(z.string().max(256)).describe('A model that GET /v1/models lists, or an alias such as `whisper-1`.'),
  track: trackField,
  prompt: textField(z.string().max(PROMPT_LENGTH)).describe('Text that comes before, for names and style.'),
  response_format: textField(responseFormatSchema),
  temperature: textField(z.number().min(0).max(1)).describe(
    '0, and none, raises by itself in steps of 0.2 up to 1 while the text is not trusted; any other is taken as it is.',
  ),
  ...subtitleFields,
};

/** Fields of `POST /v1/audio/transcriptions` (openai-node, `TranscriptionCreateParams`). Others are let pass, for clients grow. */
export const transcriptionFieldsSchema = z.object({
  ...common,
  language: textField(z.string().max(64)).describe(
    'ISO 639-1 code or English name; found by the model when left out, found again for each stretch of speech when `multi`.',
  ),
  languages: z
    .array(z.string().max(64))
    .max(32)
    .optional()
    .describe('One language is taken as `language`; several mean `multi`.'),
  keywords: z.array(z.string().max(1_000)).max(1_000).optional().describe('Words to favour.'),
  timestamp_granularities: z
    .array(z.enum(['word', 'segment']))
    .max(8)
    .optional()
    .describe('For `verbose_json`; segments when left out.'),
  include: z
    .array(z.enum(['logprobs']))
    .max(8)
    .optional()
    .describe('Accepted; log-probabilities of tokens are not given.'),
  stream: textField(z.boolean()).describe('Answers with server-sent events; not with `srt` or `vtt`.'),
  chunking_strategy: z
    .string()
    .max(1_000)
    .optional()
    .describe(
      '`auto`, or an object of type `server_vad` with `threshold`, `prefix_padding_ms`, `silence_duration_ms`, as JSON or in brackets.',
    ),
  'chunking_strategy[type]': z.literal('server_vad').optional(),
  'chunking_strategy[threshold]': textField(z.number().min(0).max(1)),
  'chunking_strategy[prefix_padding_ms]': textField(z.number().min(0).max(10_000)),
  'chunking_strategy[silence_duration_ms]': textField(z.number().min(0).max(60_000)),
});

/** Fields of `POST /v1/audio/translations`. */
export const translationFieldsSchema = z.object(common);

/** How the endpoints of OpenAI's API answer. */
export interface OpenAiAnswer {
  readonly format: ResponseFormat;
  readonly stream: boolean;
  readonly granularities: { readonly segments: boolean; readonly words: boolean };
  readonly layout: CueLayout;
}

export const transcriptionReader: UploadReader<OpenAiAnswer> = {
  lists: [
    'timestamp_granularities',
    'include',
    'keywords',
    'languages',
    'known_speaker_names',
    'known_speaker_references',
  ],
  schema: transcriptionFieldsSchema,
  strict: false,
  read(bag) {
    const fields = parseFields(transcriptionFieldsSchema, bag);
    const format = fields.response_format ?? 'json';
    const stream = fields.stream ?? false;
    if (stream && (format === 'srt' || format === 'vtt'))
      throw new AsrError(
        'invalid_field',
        'response_format: subtitles are not streamed. Use json with stream, or leave stream out.',
        { param: 'response_format' },
      );
    const granularities = {
      segments: fields.timestamp_granularities?.includes('segment') ?? true,
      words: fields.timestamp_granularities?.includes('word') ?? false,
    };
    const options = transcribeOptionsSchema.parse({
      model: fields.model ?? null,
      track: fields.track ?? null,
      detect: detectOptions(fields),
      decode: {
        language: onlyLanguage(fields.language, fields.languages),
        // Subtitles are cut between words where words have times.
        wordTimestamps:
          (granularities.words && format !== 'json' && format !== 'text') ||
          (fields.highlight_words === true && (format === 'srt' || format === 'vtt')),
        prompt: fields.prompt ?? '',
        hotwords: fields.keywords?.join(', ') ?? '',
        temperatures: temperaturesFrom(fields.temperature),
      },
    });
    return { options, answer: { format, stream, granularities, layout: layoutFrom(fields) } };
  },
};

export const translationReader: UploadReader<OpenAiAnswer> = {
  lists: [],
  schema: translationFieldsSchema,
  strict: false,
  read(bag): ReadFields<OpenAiAnswer> {
    const fields = parseFields(translationFieldsSchema, bag);
    const options = transcribeOptionsSchema.parse({
      model: fields.model ?? null,
      track: fields.track ?? null,
      decode: { task: 'translate', prompt: fields.prompt ?? '', temperatures: temperaturesFrom(fields.temperature) },
    });
    return {
      options,
      answer: {
        format: fields.response_format ?? 'json',
        stream: false,
        granularities: { segments: true, words: false },
        layout: layoutFrom(fields),
      },
    };
  },
};

/** Who names several languages has a recording that changes between them. */
function onlyLanguage(language: string | undefined, languages: readonly string[] = []): string | null {
  const [only = null, ...more] = new Set((language === undefined ? languages : [language]).map(languageOf));
  return more.length > 0 ? MULTI : only;
}

/** OpenAI's API reference: "If set to 0, the model will use log probability to automatically increase the temperature until certain thresholds are hit." The steps are openai/whisper's. */
function temperaturesFrom(temperature = 0): number[] {
  return temperature === 0 ? [0, 0.2, 0.4, 0.6, 0.8, 1] : [temperature];
}

const strategySchema = z.object({
  type: z.literal('server_vad').optional(),
  threshold: z.number().min(0).max(1).optional(),
  prefix_padding_ms: z.number().min(0).max(10_000).optional(),
  silence_duration_ms: z.number().min(0).max(60_000).optional(),
});

/** OpenAI's voice detection in ours; its wider ranges are taken to the nearest value that ours has. */
function detectOptions(fields: z.output<typeof transcriptionFieldsSchema>): Partial<DetectOptions> {
  const written =
    fields.chunking_strategy === undefined || fields.chunking_strategy === 'auto'
      ? {}
      : strategyFrom(fields.chunking_strategy);
  const threshold = written.threshold ?? fields['chunking_strategy[threshold]'];
  const paddingMs = written.prefix_padding_ms ?? fields['chunking_strategy[prefix_padding_ms]'];
  const silenceMs = written.silence_duration_ms ?? fields['chunking_strategy[silence_duration_ms]'];
  return {
    ...(threshold === undefined ? {} : { threshold: Math.min(0.99, Math.max(0.01, threshold)) }),
    ...(paddingMs === undefined ? {} : { paddingMs: Math.min(2_000, Math.round(paddingMs)) }),
    ...(silenceMs === undefined ? {} : { minSilenceMs: Math.min(10_000, Math.max(32, Math.round(silenceMs))) }),
  };
}

function strategyFrom(text: string): z.output<typeof strategySchema> {
  const refusal = new AsrError('invalid_field', 'chunking_strategy: must be auto or an object of type server_vad.', {
    param: 'chunking_strategy',
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refusal;
  }
  const result = strategySchema.safeParse(value);
  if (!result.success) throw refusal;
  return result.data;
}
