import { z } from 'zod';
import { parsed, snakeCase } from './first-issue.js';

const schema = z.object({
  contentType: z.string().max(256).regex(/^[ -~]*$/, 'must be a media type such as audio/mpeg'),
  extension: z.string().regex(/^\.?[A-Za-z0-9]{0,16}$/, 'must be letters and digits, at most 16'),
});

/** What a client says of its file, null for what it does not. Throws `invalid_field`. */
export function readRecording(fields: { readonly contentType: string; readonly extension: string }): { readonly contentType: string | null; readonly extension: string | null } {
  const { contentType, extension } = parsed(schema, fields, (path) => path.map(snakeCase).join('.'));
  const plain = extension.replace('.', '').toLowerCase();
  return { contentType: contentType === '' ? null : contentType, extension: plain === '' ? null : plain };
}
