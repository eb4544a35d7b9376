import { resolve } from 'node:path';
import { z } from 'zod';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { createKey, KeyFileError, listKeys, revokeKey, SCOPES } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { ApiContext } from '../../api-context.js';
import { guardedJson } from '../../fields/json-fields.js';
import { errorResponses } from '../../replies/error-responses.js';
import { ownerUsageSchema, usageJson } from './usage.js';
import { readText } from '../../upload/body-reader.js';
import { clientGone } from '../../upload/client-connection.js';
import { unvalidated } from '../../upload/upload-route.js';

const bodySchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.@-]{1,64}$/, 'must be 1 to 64 letters, digits or . _ @ -')
    .describe('Whose the key is; jobs belong to the name, so that a key that replaces another has the same.'),
  scopes: z.array(z.enum(SCOPES)).min(1).optional().describe('All but `admin` when left out.'),
  expires: z
    .string()
    .max(64)
    .optional()
    .describe('`90d`, `12h`, `30m`, or a time such as 2027-01-31T00:00:00Z; never when left out.'),
  weight: z
    .number()
    .positive()
    .max(1_000)
    .optional()
    .describe('Share of the work against other keys; 1 when left out.'),
  monthly_audio_seconds: z
    .number()
    .positive()
    .max(1e12)
    .optional()
    .describe('Audio that the name may use in a calendar month (UTC), recordings and live; no bound when left out.'),
});
const keySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    weight: z.number(),
    monthly_audio_seconds: z.number().nullable().describe('Quota; null: no bound.'),
    created_at: z.string(),
    expires_at: z.string().nullable(),
    state: z.enum(['usable', 'expired', 'revoked']),
    usage: ownerUsageSchema
      .nullable()
      .describe('What the name has used with all its keys; null while Redis does not tell.'),
  })
  .meta({ id: 'Key' });
const madeSchema = z.object({ id: z.string(), name: z.string(), key: z.string().describe('Told this once.') });
const listSchema = z.object({ object: z.literal('list'), data: z.array(keySchema) });

/** `GET`, `POST /v1/keys`, `DELETE /v1/keys/:id`: the file of keys, for administrators. Every service reads it again within seconds. */
export function keyRoutes(app: FastifyInstance, context: ApiContext): void {
  const file = context.config.API_KEYS_FILE;
  const path = (): string => {
    if (file === undefined)
      throw new AsrError('not_found', 'This server asks for no keys. The operator turns them on with API_KEYS_FILE.');
    return resolve(file);
  };
  const route = { config: { access: ['admin'] as const } };
  const json = (schema: z.ZodType, description: string) => ({
    description,
    content: { 'application/json': { schema } },
  });
  app.get(
    '/v1/keys',
    {
      ...route,
      schema: {
        summary: 'API keys',
        tags: ['operations'],
        response: { 200: json(listSchema, 'The keys, without their secrets.'), ...errorResponses(['not_found']) },
      },
    },
    async (): Promise<z.output<typeof listSchema>> => {
      const keys = await told(listKeys(path()));
      const names = [...new Set(keys.map(({ name }) => name))];
      const used = await context.usage.of(names).catch(leaveAlone('shown_without', []));
      const usage = new Map(names.map((name, at) => [name, used[at]]));
      return {
        object: 'list',
        data: keys.map(({ createdAt, expiresAt, scopes, monthlyAudioSeconds, ...key }) => ({
          ...key,
          scopes: [...scopes],
          monthly_audio_seconds: monthlyAudioSeconds,
          created_at: createdAt,
          expires_at: expiresAt,
          usage: usageJson(usage.get(key.name)),
        })),
      };
    },
  );
  app.post(
    '/v1/keys',
    {
      ...route,
      schema: {
        summary: 'Make an API key',
        description: 'The key is in the answer and nowhere else. Services take it within two seconds.',
        tags: ['operations'],
        body: bodySchema,
        response: {
          201: json(madeSchema, 'The new key.'),
          ...errorResponses(['invalid_request', 'invalid_field', 'not_found', 'file_too_large', 'upload_timeout']),
        },
      },
      validatorCompiler: unvalidated,
    },
    async (request, reply) => {
      const {
        name,
        scopes,
        weight,
        expires,
        monthly_audio_seconds: monthlyAudioSeconds,
      } = await bodyOf(request, reply, context);
      const { key, entry } = await told(
        createKey(path(), {
          name,
          ...(scopes === undefined ? {} : { scopes }),
          ...(weight === undefined ? {} : { weight }),
          ...(expires === undefined ? {} : { expires }),
          ...(monthlyAudioSeconds === undefined ? {} : { monthlyAudioSeconds }),
        }),
      );
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ id: entry.id, name: entry.name, key } satisfies z.output<typeof madeSchema>);
    },
  );
  app.delete<{ Params: { id: string } }>(
    '/v1/keys/:id',
    {
      ...route,
      schema: {
        summary: 'Revoke an API key',
        description: 'It stays in the list. Revoking it again changes nothing.',
        tags: ['operations'],
        params: z.object({ id: z.string() }),
        response: {
          204: z.null().describe('Services refuse it within two seconds.'),
          ...errorResponses(['invalid_request', 'not_found']),
        },
      },
    },
    async (request, reply) => {
      const keys = await told(listKeys(path()));
      if (!keys.some(({ id }) => id === request.params.id)) throw new AsrError('not_found', 'There is no such key.');
      await told(revokeKey(path(), request.params.id));
      return reply.code(204).send();
    },
  );
}

async function bodyOf(
  request: FastifyRequest,
  reply: FastifyReply,
  context: ApiContext,
): Promise<z.output<typeof bodySchema>> {
  const source = { message: request.raw, response: reply.raw, signal: clientGone(reply.raw) };
  const result = bodySchema.safeParse(guardedJson(await readText(source, context.limits), 'The body'));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const param = (issue?.path ?? []).map(String).join('.').slice(0, 200);
  throw new AsrError('invalid_field', `${param === '' ? 'The body' : param}: ${issue?.message ?? 'not valid'}.`, {
    param: param === '' ? null : param,
  });
}

/** A file that cannot be read or changed says why in a sentence, which holds no path. */
async function told<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    if (error instanceof KeyFileError)
      throw new AsrError('invalid_request', error.message.replace(/^--expires/, 'expires'));
    throw error;
  });
}
