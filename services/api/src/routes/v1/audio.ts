import { z } from 'zod';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AsrError, filteredField, spaceBetween, type Segment, type Transcript } from '@murmuration/contracts';
import { EventStream } from '@murmuration/service';
import { durationUsage, spokenLanguages } from '@murmuration/transcript';
import type { ApiContext } from '../../api-context.js';
import type { UploadReader } from '../../fields/field-bag.js';
import {
  transcriptionReader,
  transcriptionFieldsSchema,
  translationReader,
  translationFieldsSchema,
  type OpenAiAnswer,
} from '../../fields/openai-fields.js';
import { errorResponses, UPLOAD_ERRORS } from '../../replies/error-responses.js';
import { openAiJsonSchema, replyWithTranscript, verboseJsonSchema } from '../../replies/transcript-reply.js';
import {
  receiveUpload,
  streamed,
  TEXT_FORMATS,
  untilEnd,
  unvalidated,
  uploadSchema,
} from '../../upload/upload-route.js';

// The longer form first: the shorter one would take it and drop what it does not know.
const jsonSchema = verboseJsonSchema.or(openAiJsonSchema);

/** `POST /v1/audio/transcriptions` and `/v1/audio/translations`, as OpenAI's clients know them. */
export function openAiAudioRoutes(app: FastifyInstance, context: ApiContext): void {
  const whole = {
    description: 'The transcript.',
    content: { 'application/json': { schema: jsonSchema }, ...TEXT_FORMATS },
  };
  app.post(
    '/v1/audio/transcriptions',
    {
      config: { access: ['transcribe'] },
      schema: {
        summary: "Transcribe a recording, as OpenAI's API does",
        description:
          'Fields that are not known are let pass. With `stream=true` the answer is server-sent events: `transcript.text.delta`, whose deltas put together are the text, then `transcript.text.done`.',
        tags: ['openai'],
        ...uploadSchema(transcriptionFieldsSchema),
        response: {
          200: { ...whole, content: { ...whole.content, 'text/event-stream': { schema: z.string() } } },
          ...errorResponses(UPLOAD_ERRORS),
        },
      },
      validatorCompiler: unvalidated,
    },
    (request, reply) => answer(context, request, reply, transcriptionReader),
  );

  app.post(
    '/v1/audio/translations',
    {
      config: { access: ['transcribe'] },
      schema: {
        summary: "Translate a recording into English, as OpenAI's API does",
        description: 'Answers `unsupported_task` where the model cannot translate.',
        tags: ['openai'],
        ...uploadSchema(translationFieldsSchema),
        response: { 200: whole, ...errorResponses(UPLOAD_ERRORS) },
      },
      validatorCompiler: unvalidated,
    },
    (request, reply) => answer(context, request, reply, translationReader),
  );
}

async function answer(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  reader: UploadReader<OpenAiAnswer>,
): Promise<FastifyReply> {
  const stream = new EventStream(reply, {
    heartbeatMs: context.config.SSE_HEARTBEAT_MS,
    stallTimeoutMs: context.config.SSE_STALL_TIMEOUT_MS,
  });
  const deltas = new Deltas(stream);
  const output = streamed<OpenAiAnswer>(
    stream,
    ({ stream: wanted }) => wanted,
    (segments) => deltas.segments(segments),
    // OpenAI has no event for it: a comment opens the stream.
    () => {
      stream.open();
    },
  );
  const outcome = await untilEnd(stream, request, async () => {
    const done = await receiveUpload(context, request, reply, reader, output).catch((error: unknown) => {
      throw inOpenAiWords(error);
    });
    if (done.answer.stream) await deltas.finish(done.transcript);
    return done;
  });
  if (outcome === null || outcome.answer.stream) return reply;
  const {
    transcript,
    answer: { format, granularities, layout },
  } = outcome;
  return replyWithTranscript(reply, transcript, format, granularities, layout, () => ({
    text: transcript.text,
    usage: durationUsage(transcript),
    ...spokenLanguages(transcript),
    ...filteredField(transcript.filtered),
  }));
}

/** The text in increments: what was sent, put together, is the text of `done`. */
class Deltas {
  readonly #stream: EventStream;
  #sent = '';

  constructor(stream: EventStream) {
    this.#stream = stream;
  }

  async segments(segments: readonly Segment[]): Promise<void> {
    for (const { text } of segments) {
      if (text.trim() !== '') await this.#add(spaceBetween(this.#sent, text) + text.trim());
    }
  }

  async finish(transcript: Transcript): Promise<void> {
    if (transcript.text.length > this.#sent.length && transcript.text.startsWith(this.#sent))
      await this.#add(transcript.text.slice(this.#sent.length));
    await this.#stream.send(null, {
      type: 'transcript.text.done',
      text: this.#sent,
      usage: durationUsage(transcript),
      ...spokenLanguages(transcript),
      ...filteredField(transcript.filtered),
    });
  }

  async #add(delta: string): Promise<void> {
    this.#sent += delta;
    await this.#stream.send(null, { type: 'transcript.text.delta', delta });
  }
}

const OWN_WORDS: Readonly<Record<string, string>> = { word_timestamps: 'timestamp_granularities' };

/** An error that names a field by our name names it by OpenAI's. */
function inOpenAiWords(error: unknown): unknown {
  if (!(error instanceof AsrError) || error.param === null) return error;
  const param = OWN_WORDS[error.param];
  return param === undefined ? error : AsrError.fromRecord({ ...error.toRecord(), param });
}
