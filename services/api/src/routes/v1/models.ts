import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import { AsrError, type ModelCard } from '@murmuration/contracts';
import type { ApiContext } from '../../api-context.js';
import { errorResponses } from '../../replies/error-responses.js';

const modelSchema = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.number().int().describe('Unix seconds.'),
    owned_by: z.string(),
  })
  .meta({ id: 'Model' });

/** `GET /v1/models` and `GET /v1/models/:id`; ids may hold slashes. */
export function modelRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/v1/models',
    {
      config: { access: ['read'] },
      schema: {
        summary: 'Models that are served',
        tags: ['openai'],
        response: {
          200: {
            description: 'The models.',
            content: {
              'application/json': { schema: z.object({ object: z.literal('list'), data: z.array(modelSchema) }) },
            },
          },
          ...errorResponses(['backend_unavailable']),
        },
      },
    },
    async () => {
      const status = await context.service.status();
      if (status.redis === 'down') throw new AsrError('backend_unavailable');
      return { object: 'list', data: status.models.map(modelJson) };
    },
  );

  app.get<{ Params: { '*': string } }>(
    '/v1/models/*',
    {
      config: { access: ['read'] },
      schema: {
        summary: 'One model',
        description: 'The model that serves the name; an alias such as `whisper-1` gives the model behind it.',
        tags: ['openai'],
        params: z.object({ '*': z.string().min(1).max(256) }),
        response: {
          200: { description: 'The model.', content: { 'application/json': { schema: modelSchema } } },
          ...errorResponses(['model_not_found', 'no_worker', 'backend_unavailable']),
        },
      },
    },
    async (request) => modelJson(await context.service.resolveModel(request.params['*'])),
  );
}

function modelJson(card: ModelCard): z.output<typeof modelSchema> {
  return { id: card.model.id, object: 'model', created: Math.floor(card.startedAtMs / 1000), owned_by: 'murmuration' };
}
