import { z } from 'zod';
import {
  AsrError,
  channelModeSchema,
  decodeOptionsSchema,
  detectOptionsSchema,
  filterOptionsSchema,
  languageOf,
  responseFormatSchema,
  taskSchema,
  trackSchema,
  transcribeOptionsSchema,
  type ResponseFormat,
  type TranscribeOptions,
} from '@murmuration/contracts';
import { DEFAULT_LAYOUT, type CueLayout } from '@murmuration/transcript';
import { parseFields, textField, type UploadReader } from './field-bag.js';

/** Fields of every endpoint that answers with subtitles, by the names of Whisper's command line. */
export const subtitleFields = {
  max_line_width: textField(z.number().int().min(8).max(1_000)).describe(
    `Columns of a line of \`srt\` and \`vtt\`; a wide character takes two. ${String(DEFAULT_LAYOUT.maxLineWidth)} when left out.`,
  ),
  max_line_count: textField(z.number().int().min(1).max(10)).describe(
    `Lines of a subtitle. ${String(DEFAULT_LAYOUT.maxLineCount)} when left out; 1 with \`max_words_per_line\`.`,
  ),
  max_words_per_line: textField(z.number().int().min(1).max(100)).describe(
    'Words of a line of subtitles; as many as fit when left out.',
  ),
  highlight_words: textField(z.boolean()).describe('Underlines each word of `srt` and `vtt` while it is said.'),
};

/** The fields as a query of their own. */
export const subtitleFieldsSchema = z.strictObject(subtitleFields);

/** The layout that the fields ask for. */
export function layoutFrom(fields: z.output<typeof subtitleFieldsSchema>): CueLayout {
  return {
    maxLineWidth: fields.max_line_width ?? DEFAULT_LAYOUT.maxLineWidth,
    maxLineCount: fields.max_line_count ?? (fields.max_words_per_line === undefined ? DEFAULT_LAYOUT.maxLineCount : 1),
    maxWordsPerLine: fields.max_words_per_line ?? null,
    highlightWords: fields.highlight_words ?? false,
  };
}

/** Longest prompt and list of words to favour, characters; models take far less and trim. */
export const PROMPT_LENGTH = 16_000;

/** The field of every endpoint that takes a recording. */
export const trackField = textField(trackSchema).describe(
  "Which audio track of a file with several, counted from 0; the file's default when left out.",
);

const detect = detectOptionsSchema.shape;
const filter = filterOptionsSchema.shape;

/** Fields of `POST /transcribe` and `/transcribe/stream`, in the form or as query parameters. */
export const transcribeFieldsSchema = z.strictObject({
  model: textField(z.string().max(256)).describe(
    'Name of a model that GET /v1/models lists; the default when left out.',
  ),
  language: textField(z.string().max(64)).describe(
    'ISO 639-1 code or English name; found by the model when left out, found again for each stretch of speech when `multi`.',
  ),
  task: textField(taskSchema).describe('`translate` gives English text, where the model can.'),
  response_format: textField(responseFormatSchema).describe(
    "`json` is this service's own form, `verbose_json` OpenAI's.",
  ),
  word_timestamps: textField(z.boolean()).describe('Gives the time of each word.'),
  ...subtitleFields,
  channels: textField(channelModeSchema).describe('`split` transcribes each channel by itself.'),
  track: trackField,
  prompt: textField(z.string().max(PROMPT_LENGTH)).describe('Text that comes before, for names and style.'),
  hotwords: textField(z.string().max(PROMPT_LENGTH)).describe('Words to favour.'),
  temperature: textField(z.number().min(0).max(1)).describe('0 is greedy.'),
  temperatures: z
    .string()
    .max(256)
    .optional()
    .describe(
      'A list in place of `temperature`, apart by commas or as a JSON array: each is tried while the text before is not trusted.',
    ),
  condition_on_previous_text: textField(z.boolean()).describe('Each chunk sees the text of the one before.'),
  vad: textField(detect.vad).describe('`false` hands the whole recording to the model.'),
  threshold: textField(detect.threshold).describe('Speech probability from which a window of 32 ms counts as speech.'),
  min_speech_ms: textField(detect.minSpeechMs).describe('Shorter speech is taken for noise.'),
  min_silence_ms: textField(detect.minSilenceMs).describe('Silence after which an utterance ends.'),
  padding_ms: textField(detect.paddingMs).describe('Audio kept before and after each utterance.'),
  gate_rms: textField(detect.gateRms).describe(
    'A window quieter than this, with few zero crossings, is silence without asking the detector.',
  ),
  gate_zero_crossings: textField(detect.gateZeroCrossings).describe(
    'The zero crossings of that rule, of 512 samples; 0 turns it off.',
  ),
  filter: textField(filter.enabled).describe('`false` turns all filters against invented text off.'),
  no_speech_threshold: textField(filter.noSpeechThreshold).describe('`none` turns the filter off.'),
  logprob_threshold: textField(filter.logprobThreshold).describe('`none` turns the filter off.'),
  compression_ratio_threshold: textField(filter.compressionRatioThreshold).describe('`none` turns the filter off.'),
  repetition: textField(filter.repetition).describe('Filter of repeated words.'),
  letters: textField(filter.letters).describe('Filter of text with few letters.'),
  script: textField(filter.script).describe('Filter of scripts that do not fit the language.'),
  phantom_phrases: textField(filter.phantomPhrases).describe('Filter of phrases that models are known to invent.'),
  doubt: textField(filter.doubt).describe('Filter of doubtful text in what may be silence.'),
});

/** How `POST /transcribe` answers. */
export interface TranscribeAnswer {
  readonly format: ResponseFormat;
  readonly words: boolean;
  readonly layout: CueLayout;
}

export const transcribeReader: UploadReader<TranscribeAnswer> = {
  lists: [],
  schema: transcribeFieldsSchema,
  strict: true,
  read(bag) {
    const fields = parseFields(transcribeFieldsSchema, bag);
    const options = optionsFrom(fields);
    return {
      options,
      answer: {
        format: fields.response_format ?? 'json',
        words: options.decode.wordTimestamps,
        layout: layoutFrom(fields),
      },
    };
  },
};

/** What the fields ask of the model. Throws `unsupported_language`. */
export function optionsFrom(
  fields: Omit<z.output<typeof transcribeFieldsSchema>, keyof typeof subtitleFields> & {
    readonly highlight_words?: boolean | undefined;
  },
): TranscribeOptions {
  return transcribeOptionsSchema.parse(
    given({
      model: fields.model,
      channels: fields.channels,
      track: fields.track,
      detect: given({
        vad: fields.vad,
        threshold: fields.threshold,
        minSpeechMs: fields.min_speech_ms,
        minSilenceMs: fields.min_silence_ms,
        paddingMs: fields.padding_ms,
        gateRms: fields.gate_rms,
        gateZeroCrossings: fields.gate_zero_crossings,
      }),
      decode: given({
        language: fields.language === undefined ? undefined : languageOf(fields.language),
        task: fields.task,
        // A word can be marked only where its time is known.
        wordTimestamps:
          fields.highlight_words === true && (fields.response_format === 'srt' || fields.response_format === 'vtt')
            ? true
            : fields.word_timestamps,
        prompt: fields.prompt,
        hotwords: fields.hotwords,
        temperatures: temperaturesFrom(fields),
        conditionOnPreviousText: fields.condition_on_previous_text,
        filter: given({
          enabled: fields.filter,
          noSpeechThreshold: fields.no_speech_threshold,
          logprobThreshold: fields.logprob_threshold,
          compressionRatioThreshold: fields.compression_ratio_threshold,
          repetition: fields.repetition,
          letters: fields.letters,
          script: fields.script,
          phantomPhrases: fields.phantom_phrases,
          doubt: fields.doubt,
        }),
      }),
    }),
  );
}

/** Temperatures in the order in which they are tried. Throws `invalid_field`. */
function temperaturesFrom({
  temperature,
  temperatures,
}: z.output<typeof transcribeFieldsSchema>): number[] | undefined {
  if (temperatures === undefined) return temperature === undefined ? undefined : [temperature];
  const list = temperatures
    .trim()
    .replace(/^\[(.*)\]$/s, '$1')
    .split(',')
    .map((text) => (text.trim() === '' ? Number.NaN : Number(text)));
  const read = decodeOptionsSchema.shape.temperatures.safeParse(list);
  if (temperature === undefined && read.success) return read.data;
  throw new AsrError(
    'invalid_field',
    'temperatures: must be one to eight numbers from 0 to 1, apart by commas, and comes in place of temperature.',
    { param: 'temperatures' },
  );
}

/** Without what was not given, so that defaults apply. */
function given(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
