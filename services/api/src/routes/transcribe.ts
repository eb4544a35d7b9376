import type { z } from 'zod';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { EventStream } from '@murmuration/service';
import { renderJson, segmentJson } from '@murmuration/transcript';
import type { ApiContext } from '../api-context.js';
import { transcribeReader, transcribeFieldsSchema, type TranscribeAnswer } from '../fields/transcribe-fields.js';
import { errorResponses, UPLOAD_ERRORS } from '../replies/error-responses.js';
import { replyWithTranscript, transcriptJsonSchema, verboseJsonSchema } from '../replies/transcript-reply.js';
import {
  EVENTS,
  receiveUpload,
  streamed,
  TEXT_FORMATS,
  untilEnd,
  unvalidated,
  uploadSchema,
  WHOLE,
} from '../upload/upload-route.js';

/** `POST /transcribe` and `POST /transcribe/stream`. */
export function transcribeRoutes(app: FastifyInstance, context: ApiContext): void {
  app.post(
    '/transcribe',
    {
      config: { access: ['transcribe'] },
      schema: {
        summary: 'Transcribe a recording',
        description:
          'A form with the field `file`, or the recording as the body with its content type. Fields may be form fields, before or after the file, or query parameters; work begins while the upload arrives when some are known before the file.',
        tags: ['transcribe'],
        ...uploadSchema(transcribeFieldsSchema),
        response: {
          200: {
            description: 'The transcript.',
            content: { 'application/json': { schema: transcriptJsonSchema.or(verboseJsonSchema) }, ...TEXT_FORMATS },
          },
          ...errorResponses(UPLOAD_ERRORS),
        },
      },
      validatorCompiler: unvalidated,
    },
    async (request, reply) => {
      const { transcript, answer } = await receiveUpload<TranscribeAnswer>(
        context,
        request,
        reply,
        transcribeReader,
        WHOLE,
      );
      return replyWithTranscript(
        reply,
        transcript,
        answer.format,
        { segments: true, words: answer.words },
        answer.layout,
        () => renderJson(transcript) satisfies z.output<typeof transcriptJsonSchema>,
      );
    },
  );

  app.post(
    '/transcribe/stream',
    {
      config: { access: ['transcribe'] },
      schema: {
        summary: 'Transcribe a recording, segment by segment',
        description:
          'As `/transcribe`, answered with server-sent events: `segment` as soon as it and all before it are final, then `done` with the whole as `/transcribe` answers it, or `error`. A fault before the first event is an ordinary answer.',
        tags: ['transcribe'],
        ...uploadSchema(transcribeFieldsSchema),
        response: { 200: EVENTS, ...errorResponses(UPLOAD_ERRORS) },
      },
      validatorCompiler: unvalidated,
    },
    async (request, reply) => transcribeStream(context, request, reply),
  );
}

async function transcribeStream(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const stream = new EventStream(reply, {
    heartbeatMs: context.config.SSE_HEARTBEAT_MS,
    stallTimeoutMs: context.config.SSE_STALL_TIMEOUT_MS,
  });
  let sent = 0;
  const output = streamed(
    stream,
    () => true,
    async (segments) => {
      for (const segment of segments) await stream.send('segment', segmentJson(segment, sent++));
    },
    (atMostMs) => {
      const waiting = { reason: 'model_starting', at_most_seconds: atMostMs / 1_000 };
      stream.send('waiting', waiting).catch(leaveAlone('receiver_gone'));
    },
  );
  await untilEnd(stream, request, async () => {
    const { transcript } = await receiveUpload<TranscribeAnswer>(context, request, reply, transcribeReader, output);
    await stream.send('done', renderJson(transcript));
  });
  return reply;
}
