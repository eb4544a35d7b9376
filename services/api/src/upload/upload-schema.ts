import { z } from 'zod';
import { deepgramUrlSchema } from '../fields/deepgram-dialect.js';
import { jobJsonFieldsSchema } from '../fields/job-fields.js';

const fileSchema = z.string().meta({ format: 'binary', description: 'The recording.' });

/** Body types of the routes that take recordings. */
const UPLOAD_TYPES = ['multipart/form-data', 'audio/*', 'video/*', 'application/octet-stream'];

/** The schema of a route that takes a recording: its fields as query parameters and, with the file, as a form. */
export function uploadSchema<T extends z.ZodObject>(fields: T) {
  return { consumes: UPLOAD_TYPES, querystring: fields, body: fields.extend({ file: fileSchema }) };
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
const JSON_BODIES: Readonly<Record<string, z.ZodType>> = { '/v1/jobs': jobJsonFieldsSchema, '/v1/listen': deepgramUrlSchema };

/** In the API description a body that is the recording itself has no fields, and one that is JSON has none that is a file. */
export function describeBodies(document: object): void {
  const { paths } = document as { paths?: Record<string, Record<string, { requestBody?: { content?: Record<string, unknown> } }>> };
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
