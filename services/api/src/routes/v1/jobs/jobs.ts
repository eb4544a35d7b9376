import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { reachOf } from '@murmuration/access';
import {
  AsrError,
  deliveryListJsonSchema,
  jobListJsonSchema,
  type ErrorCode,
  type JobListJson,
} from '@murmuration/contracts';
import { parseTarget } from '@murmuration/outbound';
import type { ApiContext } from '../../../api-context.js';
import { jobFieldReader, jobFieldsSchema, jobListFieldsSchema, readJobListFields } from '../../../fields/job-fields.js';
import { errorResponses, UPLOAD_ERRORS } from '../../../replies/error-responses.js';
import { deliveriesJson, jobIdFrom, jobJson, jobSchema } from '../../../replies/job-json.js';
import { submitJob } from '../../../submit-job.js';
import { clientGone } from '../../../upload/client-connection.js';
import { unvalidated, uploadSchema } from '../../../upload/upload-route.js';

const SUBMIT_ERRORS: readonly ErrorCode[] = [
  ...UPLOAD_ERRORS,
  'url_not_allowed',
  'url_unreachable',
  'job_exists',
  'idempotency_conflict',
];
const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

/** `POST /v1/jobs`. */
export function jobSubmitRoute(app: FastifyInstance, context: ApiContext): void {
  app.post(
    '/v1/jobs',
    {
      config: { access: ['jobs'] },
      schema: {
        summary: 'Submit a recording and do not wait',
        description:
          'A form with the field `file`, the recording as the body with its content type, or a JSON object with `url`. 202 means that the job is accepted for good. With `id` the client names the job, and may ask for it and follow it while the recording is still sent or fetched. A request with an `Idempotency-Key` may be repeated: it gives the same job, with the header `Idempotent-Replayed`.',
        tags: ['jobs'],
        ...uploadSchema(jobFieldsSchema),
        response: {
          202: {
            description: 'The job, accepted for good. `Location` says where it is.',
            content: { 'application/json': { schema: jobSchema } },
          },
          ...errorResponses(SUBMIT_ERRORS),
        },
      },
      validatorCompiler: unvalidated,
    },
    async (request, reply) => {
      if (context.stopping()) throw new AsrError('shutting_down');
      const { owner } = request.principal;
      const { job, created } = await context.uploads
        .run(request.principal.owner, () =>
          submitJob(context, {
            message: request.raw,
            response: reply.raw,
            query: request.query,
            owner,
            whose: reachOf(request.principal),
            trace: request.trace,
            idempotencyKey: idempotencyKeyOf(request),
            reader: jobFieldReader({
              maxRetentionSeconds: context.config.MAX_JOB_RETENTION_SECONDS,
              requireTarget: (url) => {
                parseTarget(url, context.outbound.allowlist);
              },
            }),
            signal: AbortSignal.any([clientGone(reply.raw), context.abandoned]),
          }),
        )
        .catch((error: unknown) => {
          throw context.abandoned.aborted ? new AsrError('shutting_down') : error;
        });
      if (!created) void reply.header('idempotent-replayed', 'true');
      return reply.code(202).header('location', `/v1/jobs/${job.id}`).send(jobJson(job));
    },
  );
}

function idempotencyKeyOf(request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !IDEMPOTENCY_KEY.test(key))
    throw new AsrError('invalid_field', 'Idempotency-Key: must be 1 to 255 printable characters.', {
      param: 'Idempotency-Key',
    });
  return key;
}

interface OfJob {
  Params: { id: string };
}

/** The parameter of the addresses under a job. */
export const jobParamsSchema = z.object({ id: z.string().describe("The job's id.") });
const ONE = { description: 'The job.', content: { 'application/json': { schema: jobSchema } } };
const DELIVERIES = {
  description: 'Messages to the webhook and every attempt to deliver them.',
  content: { 'application/json': { schema: deliveryListJsonSchema } },
};

/** Everything under `/v1/jobs` that answers with JSON about jobs that are there. */
export function jobRoutes(app: FastifyInstance, context: ApiContext): void {
  const reading = { config: { access: ['read' as const, 'jobs' as const] }, validatorCompiler: unvalidated };
  const changing = { config: { access: ['jobs' as const] }, validatorCompiler: unvalidated };

  app.get(
    '/v1/jobs',
    {
      ...reading,
      schema: {
        summary: 'Jobs, newest first',
        description: "Those of the key; to an administrator everybody's.",
        tags: ['jobs'],
        querystring: jobListFieldsSchema,
        response: {
          200: {
            description: 'A page.',
            content: { 'application/json': { schema: jobListJsonSchema.meta({ id: 'JobList' }) } },
          },
          ...errorResponses(['invalid_field', 'unknown_field', 'backend_unavailable']),
        },
      },
    },
    async (request): Promise<JobListJson> => {
      const { jobs, nextCursor } = await context.jobs.list({
        ...readJobListFields(request.query),
        whose: reachOf(request.principal),
      });
      return { object: 'list', data: jobs.map(jobJson), next_cursor: nextCursor };
    },
  );

  app.get<OfJob>(
    '/v1/jobs/:id',
    {
      ...reading,
      schema: {
        summary: 'One job',
        tags: ['jobs'],
        params: jobParamsSchema,
        response: { 200: ONE, ...errorResponses(['not_found', 'backend_unavailable']) },
      },
    },
    async (request) => jobJson(await context.jobs.get(jobIdFrom(request.params.id), reachOf(request.principal))),
  );

  app.delete<OfJob>(
    '/v1/jobs/:id',
    {
      ...changing,
      schema: {
        summary: 'Cancel a job, or delete what is left of it',
        description:
          "What runs stops within one batch; audio, transcript, events, prompt, hotwords, metadata and the webhook's address go, and its message that has not arrived. Nothing but an entry stays, for a day. A second time changes nothing and is no error.",
        tags: ['jobs'],
        params: jobParamsSchema,
        response: { 200: ONE, ...errorResponses(['not_found', 'backend_unavailable']) },
      },
    },
    async (request) => jobJson(await context.jobs.cancel(jobIdFrom(request.params.id), reachOf(request.principal))),
  );

  app.get<OfJob>(
    '/v1/jobs/:id/deliveries',
    {
      ...reading,
      schema: {
        summary: "What became of a job's webhook",
        tags: ['jobs'],
        params: jobParamsSchema,
        response: { 200: DELIVERIES, ...errorResponses(['not_found', 'backend_unavailable']) },
      },
    },
    async (request) =>
      deliveriesJson(await context.jobs.deliveries(jobIdFrom(request.params.id), reachOf(request.principal))),
  );

  app.post<OfJob>(
    '/v1/jobs/:id/redeliver',
    {
      ...changing,
      schema: {
        summary: "Send a job's webhook again",
        description: 'Now, whatever became of it before, with the same `webhook-id`.',
        tags: ['jobs'],
        params: jobParamsSchema,
        response: {
          202: DELIVERIES,
          ...errorResponses(['not_found', 'no_webhook', 'job_not_done', 'result_expired', 'backend_unavailable']),
        },
      },
    },
    async (request, reply) =>
      reply
        .code(202)
        .send(deliveriesJson(await context.jobs.redeliver(jobIdFrom(request.params.id), reachOf(request.principal)))),
  );
}
