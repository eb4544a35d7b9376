import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import { reachOf } from '@murmuration/access';
import { deliveryListJsonSchema, jobListJsonSchema, type JobListJson } from '@murmuration/contracts';
import type { ApiContext } from '../../../api-context.js';
import { jobListFieldsSchema, readJobListFields } from '../../../fields/job-list-fields.js';
import { errorResponses } from '../../../replies/error-responses.js';
import { deliveriesJson, jobIdFrom, jobJson, jobSchema } from '../../../replies/job-json.js';
import { unvalidated } from '../../../upload/upload-route.js';

interface OfJob { Params: { id: string } }

/** The parameter of the addresses under a job. */
export const jobParamsSchema = z.object({ id: z.string().describe('The job\'s id.') });
const ONE = { description: 'The job.', content: { 'application/json': { schema: jobSchema } } };
const DELIVERIES = { description: 'Messages to the webhook and every attempt to deliver them.', content: { 'application/json': { schema: deliveryListJsonSchema } } };

/** Everything under `/v1/jobs` that answers with JSON about jobs that are there. */
export function jobRoutes(app: FastifyInstance, door: ApiContext): void {
  const reading = { config: { access: ['read' as const, 'jobs' as const] }, validatorCompiler: unvalidated };
  const changing = { config: { access: ['jobs' as const] }, validatorCompiler: unvalidated };

  app.get('/v1/jobs', {
    ...reading,
    schema: {
      summary: 'Jobs, newest first', description: 'Those of the key; to an administrator everybody\'s.', tags: ['jobs'], querystring: jobListFieldsSchema,
      response: { 200: { description: 'A page.', content: { 'application/json': { schema: jobListJsonSchema.meta({ id: 'JobList' }) } } }, ...errorResponses(['invalid_field', 'unknown_field', 'backend_unavailable']) },
    },
  }, async (request): Promise<JobListJson> => {
    const { jobs, nextCursor } = await door.jobs.list({ ...readJobListFields(request.query), whose: reachOf(request.principal) });
    return { object: 'list', data: jobs.map(jobJson), next_cursor: nextCursor };
  });

  app.get<OfJob>('/v1/jobs/:id', {
    ...reading,
    schema: { summary: 'One job', tags: ['jobs'], params: jobParamsSchema, response: { 200: ONE, ...errorResponses(['not_found', 'backend_unavailable']) } },
  }, async (request) => jobJson(await door.jobs.get(jobIdFrom(request.params.id), reachOf(request.principal))));

  app.delete<OfJob>('/v1/jobs/:id', {
    ...changing,
    schema: {
      summary: 'Cancel a job, or delete what is left of it', description: 'What runs stops within one batch; audio, transcript, events, prompt, hotwords, metadata and the webhook\'s address go, and its message that has not arrived. Nothing but an entry stays, for a day. A second time changes nothing and is no error.', tags: ['jobs'],
      params: jobParamsSchema, response: { 200: ONE, ...errorResponses(['not_found', 'backend_unavailable']) },
    },
  }, async (request) => jobJson(await door.jobs.cancel(jobIdFrom(request.params.id), reachOf(request.principal))));

  app.get<OfJob>('/v1/jobs/:id/deliveries', {
    ...reading,
    schema: { summary: 'What became of a job\'s webhook', tags: ['jobs'], params: jobParamsSchema, response: { 200: DELIVERIES, ...errorResponses(['not_found', 'backend_unavailable']) } },
  }, async (request) => deliveriesJson(await door.jobs.deliveries(jobIdFrom(request.params.id), reachOf(request.principal))));

  app.post<OfJob>('/v1/jobs/:id/redeliver', {
    ...changing,
    schema: {
      summary: 'Send a job\'s webhook again', description: 'Now, whatever became of it before, with the same `webhook-id`.', tags: ['jobs'],
      params: jobParamsSchema, response: { 202: DELIVERIES, ...errorResponses(['not_found', 'no_webhook', 'job_not_done', 'result_expired', 'backend_unavailable']) },
    },
  }, async (request, reply) => reply.code(202).send(deliveriesJson(await door.jobs.redeliver(jobIdFrom(request.params.id), reachOf(request.principal)))));
}
