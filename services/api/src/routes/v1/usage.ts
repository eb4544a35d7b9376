import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import { AsrError } from '@murmuration/contracts';
import type { OwnerUsage, Used } from '@murmuration/transcribe';
import type { ApiContext } from '../../api-context.js';
import { errorResponses } from '../../replies/error-responses.js';

const counts = {
  recordings: z.int().describe('Requests and jobs.'),
  recorded_seconds: z.number().describe('Audio of these.'),
  live_sessions: z.int(),
  live_seconds: z.number().describe('Audio of live sessions.'),
};
const usedSchema = z.object(counts).meta({ id: 'Used' });

/** What an owner has used; days and months are those of UTC. */
export const ownerUsageSchema = z.object({ today: usedSchema, month: usedSchema, last_month: usedSchema });
/** The same with each day. */
const dailyUsageSchema = ownerUsageSchema.extend({
  days: z.array(z.object({ day: z.iso.date(), ...counts })).describe('Of this month and the one before, newest first.'),
});

/** Null for what is not known. */
export function usageJson(usage: OwnerUsage | undefined): z.output<typeof ownerUsageSchema> | null {
  if (usage === undefined) return null;
  return { today: usedJson(usage.today), month: usedJson(usage.month), last_month: usedJson(usage.lastMonth) };
}

function usedJson(used: Used): z.output<typeof usedSchema> {
  return {
    recordings: used.recordings,
    recorded_seconds: used.recordedMs / 1_000,
    live_sessions: used.liveSessions,
    live_seconds: used.liveMs / 1_000,
  };
}

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
