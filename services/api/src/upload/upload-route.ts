import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AsrError, type Segment } from '@murmuration/contracts';
import { errorBody, logFault, toAsrError, type EventStream } from '@murmuration/service';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { ApiContext } from '../api-context.js';
import { namingSource } from '../errors/source-faults.js';
import { deepgramUrlSchema } from '../fields/deepgram-fields.js';
import type { UploadReader } from '../fields/field-bag.js';
import { jobJsonFieldsSchema } from '../fields/job-fields.js';
import { transcribeUpload, type TranscribedUpload, type UploadOutput } from '../transcribe-recording.js';
import { clientGone } from './client-connection.js';

/** Output of an answer that comes whole. */
export const WHOLE: UploadOutput<unknown> = {
  begun: false,
  follows: () => false,
  asleep: () => undefined,
  accepted: () => undefined,
  take: () => Promise.resolve(),
};

/** Output that hands segments to a stream of events. */
export function streamed<Answer>(
  stream: EventStream,
  follows: (answer: Answer) => boolean,
  take: (segments: readonly Segment[]) => Promise<void>,
  asleep: (atMostMs: number) => void,
): UploadOutput<Answer> {
  return {
    get begun() {
      return stream.begun;
    },
    follows,
    asleep,
    accepted: () => {
      stream.expect();
    },
    take,
  };
}

/** Receives and transcribes one request's recording within the bounds of the node. Throws `AsrError`. */
export async function receiveUpload<Answer>(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  reader: UploadReader<Answer>,
  output: UploadOutput<Answer>,
): Promise<TranscribedUpload<Answer>> {
  if (context.stopping()) throw new AsrError('shutting_down');
  const signal = AbortSignal.any([clientGone(reply.raw), context.abandoned]);
  try {
    return await context.uploads.run(request.principal.owner, () =>
      transcribeUpload(context, {
        message: request.raw,
        response: reply.raw,
        query: request.query,
        owner: request.principal.owner,
        trace: request.trace,
        reader,
        output,
        signal,
      }),
    );
  } catch (error) {
    if (context.abandoned.aborted) throw new AsrError('shutting_down');
    throw namingSource(error, 'file');
  }
}

/** Runs the work behind a stream and ends the stream. A fault is thrown while the answer may still be an ordinary one; later it is the stream's last event, and null comes back. */
export async function untilEnd<T>(
  stream: EventStream,
  request: FastifyRequest,
  work: () => Promise<T>,
): Promise<T | null> {
  try {
    return await work();
  } catch (thrown) {
    if (!stream.begun) throw thrown;
    const error = toAsrError(thrown);
    logFault(request, error);
    await stream.send('error', errorBody(error)).catch(leaveAlone('receiver_gone'));
    return null;
  } finally {
    stream.end();
  }
}

/** Fields of an upload come in the form as well as in the address: the reader validates them with the same schema, together. */
export function unvalidated(): (data: unknown) => { value: unknown } {
  return (data) => ({ value: data });
}

const fileSchema = z.string().meta({ format: 'binary', description: 'The recording.' });

/** Body types of the routes that take recordings. */
const UPLOAD_TYPES = ['multipart/form-data', 'audio/*', 'video/*', 'application/octet-stream'];

/** The schema of a route that takes a recording: its fields as query parameters and, with the file, as a form. */
export function uploadSchema<T extends z.ZodObject>(fields: T, fileField = 'file') {
  return { consumes: UPLOAD_TYPES, querystring: fields, body: fields.extend({ [fileField]: fileSchema }) };
}

/** Formats that are text. */
export const TEXT_FORMATS = {
  'text/plain': { schema: z.string() },
  'application/x-subrip': { schema: z.string() },
  'text/vtt': { schema: z.string() },
};

/** An answer of server-sent events. */
export const EVENTS = { description: 'Server-sent events.', content: { 'text/event-stream': { schema: z.string() } } };

/** Routes that take their fields as JSON as well. */
const JSON_BODIES: Readonly<Record<string, z.ZodType>> = {
  '/v1/jobs': jobJsonFieldsSchema,
  '/v1/listen': deepgramUrlSchema,
};

/** In the API description a body that is the recording itself has no fields, and one that is JSON has none that is a file. */
export function describeBodies(document: object): void {
  const { paths } = document as {
    paths?: Record<string, Record<string, { requestBody?: { content?: Record<string, unknown> } }>>;
  };
  for (const [path, operations] of Object.entries(paths ?? {})) {
    const json = JSON_BODIES[path];
    for (const operation of Object.values(operations)) {
      const content = operation.requestBody?.content;
      if (content?.['multipart/form-data'] === undefined) continue;
      for (const type of UPLOAD_TYPES.slice(1)) content[type] = { schema: { type: 'string', format: 'binary' } };
      if (json !== undefined) content['application/json'] = { schema: jsonSchemaOf(json) };
    }
  }
}

/** Without its `$schema`: the document says once what its schemas are written in. */
function jsonSchemaOf(schema: z.ZodType): object {
  const described = z.toJSONSchema(schema, { io: 'input' });
  delete described.$schema;
  return described;
}
