import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import { sealClientSecret } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import type { ApiContext } from '../../api-context.js';
import { guardedJson } from '../../fields/json-fields.js';
import { errorResponses } from '../../replies/error-responses.js';
import { clientGone } from '../../upload/client-connection.js';
import { readText } from '../../upload/body-reader.js';
import { isBodiless } from '../../upload/upload-headers.js';
import { unvalidated } from '../../upload/upload-route.js';

/** As OpenAI has them. */
const LIFE_SECONDS = { least: 10, most: 7_200, usual: 600 } as const;
/** The session travels in a header with the secret, where there is room for so much. */
const MAX_SESSION_BYTES = 4_096;

const bodySchema = z.object({
  session: z
    .looseObject({ type: z.literal('transcription', { error: 'only transcription is served here' }) })
    .optional()
    .describe('In force from the start; it may be changed by whoever holds the secret.'),
  expires_after: z
    .object({
      anchor: z.literal('created_at').optional(),
      seconds: z.number().int().min(LIFE_SECONDS.least).max(LIFE_SECONDS.most).optional(),
    })
    .optional(),
});

const secretSchema = z
  .object({
    value: z
      .string()
      .describe(
        'In the place of a key at `WS /v1/realtime`, and nowhere else: as the bearer, or as the subprotocol `openai-insecure-api-key.VALUE`.',
      ),
    expires_at: z.number().int().describe('Unix seconds.'),
    session: z.looseObject({ type: z.literal('transcription'), object: z.string(), id: z.string() }),
  })
  .meta({ id: 'ClientSecret' });

/** `POST /v1/realtime/client_secrets`: lets a browser speak to `WS /v1/realtime` for a while, as OpenAI's API does. */
export function realtimeSecretsRoute(app: FastifyInstance, context: ApiContext): void {
  app.post(
    '/v1/realtime/client_secrets',
    {
      config: { access: ['transcribe'] },
      schema: {
        summary: 'A secret for a browser',
        description:
          "As OpenAI's API does: a secret that a page may use in the place of a key to transcribe live, as often as it likes until it expires, and for nothing else. It ends with the key.",
        tags: ['openai'],
        body: bodySchema,
        response: {
          200: { description: 'The secret.', content: { 'application/json': { schema: secretSchema } } },
          ...errorResponses(['invalid_field', 'file_too_large', 'upload_timeout', 'backend_unavailable']),
        },
      },
      validatorCompiler: unvalidated,
    },
    async (request, reply) => {
      const text = isBodiless(request.raw.headers)
        ? '{}'
        : await readText({ message: request.raw, response: reply.raw, signal: clientGone(reply.raw) }, context.limits);
      const { session, expires_after: expiry } = parsed(guardedJson(text, 'The body'));
      const attached = session === undefined ? '' : JSON.stringify(session);
      if (Buffer.byteLength(attached) > MAX_SESSION_BYTES)
        throw new AsrError(
          'invalid_field',
          `session: longer than ${String(MAX_SESSION_BYTES)} bytes. Send the rest with session.update.`,
          { param: 'session' },
        );
      const { secret, expiresAtMs } = await context.access.issueClientSecret(
        request.principal,
        (expiry?.seconds ?? LIFE_SECONDS.usual) * 1_000,
      );
      return reply.header('cache-control', 'no-store').send({
        value: sealClientSecret(secret, attached),
        expires_at: Math.floor(expiresAtMs / 1_000),
        session: {
          ...session,
          type: 'transcription',
          object: 'realtime.transcription_session',
          id: `sess_${randomBytes(12).toString('hex')}`,
        },
      } satisfies z.output<typeof secretSchema>);
    },
  );
}

function parsed(body: unknown): z.output<typeof bodySchema> {
  const result = bodySchema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const param = (issue?.path ?? []).map(String).join('.').slice(0, 200);
  throw new AsrError('invalid_field', `${param === '' ? 'The body' : param}: ${issue?.message ?? 'not valid'}.`, {
    param: param === '' ? null : param,
  });
}
