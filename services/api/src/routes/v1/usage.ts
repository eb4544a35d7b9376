import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import { AsrError } from '@murmuration/contracts';
import type { ApiContext } from '../../api-context.js';
import { errorResponses } from '../../replies/error-responses.js';
import { dailyUsageSchema, usageJson, usedJson } from '../../replies/usage-json.js';

const usageSchema = dailyUsageSchema
  .extend({
    name: z.string().describe('Whose: the name of the key.'),
    monthly_audio_seconds: z.number().nullable().describe('Audio that the name may use in a month; null: no bound.'),
  })
  .meta({ id: 'Usage' });

/** `GET /v1/usage`: what the name of the key has used, and what it may. */
export function usageRoute(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/v1/usage',
    {
      config: { access: 'key' },
      schema: {
        summary: 'What the key has used',
        description: 'Of all keys of the same name together, by the calendar in UTC.',
        tags: ['operations'],
        response: {
          200: { description: 'The usage.', content: { 'application/json': { schema: usageSchema } } },
          ...errorResponses(['not_found', 'backend_unavailable']),
        },
      },
    },
    async (request, reply) => {
      const { owner } = request.principal;
      const [usage] = owner === null ? [] : await context.usage.of([owner]);
      const told = usageJson(usage);
      if (owner === null || usage === undefined || told === null)
        throw new AsrError('not_found', 'This server asks for no keys, and counts nothing.');
      return reply.header('cache-control', 'no-store').send({
        name: owner,
        monthly_audio_seconds: context.access.monthlyAudioSeconds(owner),
        ...told,
        days: usage.days.map(({ day, ...used }) => ({ day, ...usedJson(used) })),
      } satisfies z.output<typeof usageSchema>);
    },
  );
}
