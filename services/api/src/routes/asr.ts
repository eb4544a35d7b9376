import { z } from 'zod';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AsrError, languageName, type Transcript, taskSchema } from '@murmuration/contracts';
import {
  DEFAULT_LAYOUT,
  renderSrt,
  renderText,
  renderTsv,
  renderVtt,
  segmentJson,
  verboseJson,
} from '@murmuration/transcript';
import type { ApiContext } from '../api-context.js';
import { errorResponses, UPLOAD_ERRORS } from '../replies/error-responses.js';
import { tellFiltered } from '../replies/transcript-reply.js';
import { RawSamplesService, type RawFormat } from '../upload/raw-samples.js';
import { receiveUpload, unvalidated, uploadSchema, WHOLE } from '../upload/upload-route.js';
import { parseFields, textField, type UploadReader } from '../fields/field-bag.js';
import { PROMPT_LENGTH, optionsFrom } from '../fields/transcribe-fields.js';

/** Samples without a header, as whisper-asr-webservice takes them. */
const SAMPLES: RawFormat = { encoding: 'linear16', rateHz: 16_000, channels: 1 };
/** Of samples without a header so many are listened to for the language: three minutes, since films begin with music. */
const LANGUAGE_BYTES = 3 * 60 * 16_000 * 2;

const languageSchema = z
  .object({
    detected_language: z.string().describe('English name in lower case.'),
    language_code: z.string(),
    confidence: z.number().nullable(),
  })
  .meta({ id: 'DetectedLanguage' });

/** `POST /asr` and `POST /detect-language`, as clients of whisper-asr-webservice know them; Bazarr is one. */
export function asrRoutes(app: FastifyInstance, context: ApiContext): void {
  // Programs that know this service take its address and nothing else.
  const config = { access: ['transcribe'] as const, keyAsPassword: true as const };
  app.post(
    '/asr',
    {
      config,
      schema: {
        summary: 'Transcribe a recording, as whisper-asr-webservice does',
        description:
          'A form with the recording as `audio_file`; options are query parameters, and those that are not known are let pass. Every form of the answer has the type text/plain, as there. The key may be the password of HTTP Basic.',
        tags: ['whisper-asr-webservice'],
        ...uploadSchema(asrFieldsSchema, asrReader.fileField),
        response: {
          200: { description: 'The transcript.', content: { 'text/plain': { schema: z.string() } } },
          ...errorResponses(UPLOAD_ERRORS),
        },
      },
      validatorCompiler: unvalidated,
    },
    async (request, reply) => {
      const { transcript, answer } = await receiveUpload<AsrAnswer>(
        samplesIn(context, request, Infinity),
        request,
        reply,
        asrReader,
        WHOLE,
      );
      tellFiltered(reply, transcript);
      return reply
        .type('text/plain; charset=utf-8')
        .header('content-disposition', `attachment; filename="transcript.${answer.output}"`)
        .serializer((payload: string) => payload)
        .send(rendered(transcript, answer));
    },
  );
  app.post(
    '/detect-language',
    {
      config,
      schema: {
        summary: 'Find the language of a recording, as whisper-asr-webservice does',
        description:
          'Of samples without a header (`encode=false`) the first three minutes count, of a file all of it. The key may be the password of HTTP Basic.',
        tags: ['whisper-asr-webservice'],
        ...uploadSchema(detectLanguageFieldsSchema, asrReader.fileField),
        response: {
          200: { description: 'The language.', content: { 'application/json': { schema: languageSchema } } },
          ...errorResponses(UPLOAD_ERRORS),
        },
      },
      validatorCompiler: unvalidated,
    },
    async (request, reply): Promise<z.output<typeof languageSchema>> => {
      const parts = samplesIn(context, request, LANGUAGE_BYTES);
      const { transcript } = await receiveUpload(parts, request, reply, detectLanguageReader, WHOLE);
      const { language, languageProbability } = transcript;
      if (language === null)
        throw new AsrError('unprocessable_audio', 'No speech was found that would tell a language.', {
          param: asrReader.fileField,
        });
      return {
        detected_language: languageName(language),
        language_code: language,
        confidence: languageProbability,
      };
    },
  );
}

function rendered(transcript: Transcript, { output, words }: AsrAnswer): string {
  switch (output) {
    case 'txt':
      return renderText(transcript);
    case 'srt':
      return renderSrt(transcript, DEFAULT_LAYOUT);
    case 'vtt':
      return renderVtt(transcript, DEFAULT_LAYOUT);
    case 'tsv':
      return renderTsv(transcript);
    case 'json': {
      const { segments = [] } = verboseJson(transcript, { segments: true, words: false });
      const withWords = segments.map((segment, at) => {
        const own = transcript.segments[at];
        return words && own !== undefined ? { ...segment, words: segmentJson(own, at).words ?? [] } : segment;
      });
      return JSON.stringify({ text: transcript.text, segments: withWords, language: transcript.language });
    }
  }
}

/** The context for a request whose recording may be samples without a header. @param mostBytes of these, what is read */
function samplesIn(context: ApiContext, request: FastifyRequest, mostBytes: number): ApiContext {
  const { encode } = request.query as { readonly encode?: unknown };
  const isFile = asrFieldsSchema.shape.encode.safeParse(encode).data !== false;
  return isFile ? context : { ...context, service: new RawSamplesService(context.service, SAMPLES, mostBytes) };
}

/** Forms of the answer. */
const asrOutputSchema = z.enum(['txt', 'vtt', 'srt', 'tsv', 'json']);

const encodeField = textField(z.boolean()).describe(
  '`false`: the recording is samples and nothing else, signed 16 bit little endian, mono, 16 kHz. Counts in the address only.',
);

/** Fields of `POST /asr` (whisper-asr-webservice, `app/webservice.py`). Others are let pass, for engines of that service differ. */
const asrFieldsSchema = z.object({
  task: textField(taskSchema).describe('`translate` gives English text, where the model can.'),
  language: textField(z.string().max(64)).describe('ISO 639-1 code or English name; found by the model when left out.'),
  initial_prompt: textField(z.string().max(PROMPT_LENGTH)).describe('Text that comes before, for names and style.'),
  encode: encodeField,
  output: textField(asrOutputSchema).describe('`txt` when left out.'),
  word_timestamps: textField(z.boolean()).describe('Gives the time of each word in `json`.'),
  diarize: textField(z.boolean()).describe('Not served: refused when `true`.'),
});

/** Fields of `POST /detect-language`. */
const detectLanguageFieldsSchema = z.object({ encode: encodeField });

/** How `POST /asr` answers. */
export interface AsrAnswer {
  readonly output: z.output<typeof asrOutputSchema>;
  readonly words: boolean;
}

const FILE_FIELD = 'audio_file';

const asrReader: UploadReader<AsrAnswer> & { readonly fileField: string } = {
  lists: [],
  schema: asrFieldsSchema,
  strict: false,
  fileField: FILE_FIELD,
  read(bag) {
    const { task, language, initial_prompt, output, word_timestamps, diarize } = parseFields(asrFieldsSchema, bag);
    if (diarize === true)
      throw new AsrError('invalid_field', 'diarize: speakers are not told apart here.', { param: 'diarize' });
    const options = optionsFrom({ task, language, prompt: initial_prompt, word_timestamps });
    return { options, answer: { output: output ?? 'txt', words: word_timestamps ?? false } };
  },
};

const detectLanguageReader: UploadReader<null> = {
  lists: [],
  schema: detectLanguageFieldsSchema,
  strict: false,
  fileField: FILE_FIELD,
  read(bag) {
    parseFields(detectLanguageFieldsSchema, bag);
    return { options: optionsFrom({}), answer: null };
  },
};
