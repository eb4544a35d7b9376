import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { reachOf } from '@murmuration/access';
import type { ErrorCode, Transcript } from '@murmuration/contracts';
import { renderJson, renderSrt, renderText, renderTsv, renderVtt, type CueLayout } from '@murmuration/transcript';
import type { ApiContext } from '../../../api-context.js';
import { FieldBag, parseFields } from '../../../fields/field-bag.js';
import { layoutFrom, subtitleFieldsSchema } from '../../../fields/transcribe-fields.js';
import { errorResponses } from '../../../replies/error-responses.js';
import { jobIdFrom } from '../../../replies/job-json.js';
import { tellFiltered, transcriptJsonSchema } from '../../../replies/transcript-reply.js';
import { unvalidated } from '../../../upload/upload-route.js';
import { jobParamsSchema } from './jobs.js';

interface Format {
  readonly name: string;
  readonly type: string;
  readonly schema: z.ZodType;
  readonly render: (transcript: Transcript, layout: CueLayout) => string;
  /** True where the fields of subtitles are taken. */
  readonly subtitles?: boolean;
}

const FORMATS: readonly Format[] = [
  {
    name: 'json',
    type: 'application/json',
    schema: transcriptJsonSchema,
    render: (transcript) => JSON.stringify(renderJson(transcript)),
  },
  { name: 'txt', type: 'text/plain', schema: z.string(), render: renderText },
  { name: 'srt', type: 'application/x-subrip', schema: z.string(), render: renderSrt, subtitles: true },
  { name: 'vtt', type: 'text/vtt', schema: z.string(), render: renderVtt, subtitles: true },
  { name: 'tsv', type: 'text/tab-separated-values', schema: z.string(), render: renderTsv },
];
/** A job that failed answers with its own error. */
const TRANSCRIPT_ERRORS: readonly ErrorCode[] = [
  'not_found',
  'invalid_field',
  'unknown_field',
  'job_not_done',
  'result_expired',
  'unprocessable_audio',
  'audio_too_long',
  'transcription_failed',
  'backend_unavailable',
];

/** `GET /v1/jobs/:id/transcript.{json,txt,srt,vtt,tsv}`. */
export function jobTranscriptRoutes(app: FastifyInstance, context: ApiContext): void {
  for (const { name, type, schema, render, subtitles } of FORMATS) {
    app.get<{ Params: { id: string } }>(
      `/v1/jobs/:id/transcript.${name}`,
      {
        config: { access: ['read', 'jobs'] },
        schema: {
          summary: `The transcript as ${name}`,
          description: 'With an `ETag`; `If-None-Match` is answered with 304 while it is the same.',
          tags: ['jobs'],
          params: jobParamsSchema,
          ...(subtitles === true ? { querystring: subtitleFieldsSchema } : {}),
          response: {
            200: { description: 'The transcript.', content: { [type]: { schema } } },
            304: { description: 'The client has it already.', content: { [type]: { schema: z.null() } } },
            ...errorResponses(TRANSCRIPT_ERRORS),
          },
        },
        validatorCompiler: unvalidated,
      },
      async (request, reply) => {
        const layout = layoutFrom(subtitles === true ? subtitleFieldsOf(request.query) : {});
        const transcript = await context.jobs.transcript(jobIdFrom(request.params.id), reachOf(request.principal));
        tellFiltered(reply, transcript);
        const text = render(transcript, layout);
        const tag = entityTag(text);
        void reply.header('etag', tag).header('cache-control', 'private, no-cache');
        if (clientHas(request.headers['if-none-match'], tag)) return reply.code(304).send();
        return reply
          .type(`${type}; charset=utf-8`)
          .serializer((payload: string) => payload)
          .send(text);
      },
    );
  }
}

function subtitleFieldsOf(query: unknown): z.output<typeof subtitleFieldsSchema> {
  const bag = new FieldBag([]);
  bag.addQuery(query);
  return parseFields(subtitleFieldsSchema, bag);
}

/** A strong entity tag (RFC 9110, 8.8.3) of a text: equal texts have equal tags, others do not. */
function entityTag(text: string): string {
  return `"${createHash('sha256').update(text).digest('base64url')}"`;
}

/** True when `If-None-Match` says that the client has this text already. The weak comparison, as RFC 9110, 13.1.2 wants it. */
function clientHas(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === tag);
}
