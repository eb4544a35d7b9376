import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AsrError, type ErrorCode } from '@murmuration/contracts';
import { parseTarget } from '@murmuration/outbound';
import type { ApiContext } from '../../../api-context.js';
import { jobFieldReader, jobFieldsSchema } from '../../../fields/job-fields.js';
import { errorResponses, UPLOAD_ERRORS } from '../../../replies/error-responses.js';
import { jobJson, jobSchema } from '../../../replies/job-json.js';
import { submitJob } from '../../../submit-job.js';
import { clientGone } from '../../../upload/client-gone.js';
import { uploadSchema } from '../../../upload/upload-schema.js';
import { unvalidated } from '../../../upload/upload-route.js';

const SUBMIT_ERRORS: readonly ErrorCode[] = [...UPLOAD_ERRORS, 'url_not_allowed', 'url_unreachable', 'job_exists', 'idempotency_conflict'];
const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

/** `POST /v1/jobs`. */
export function jobSubmitRoute(app: FastifyInstance, door: ApiContext): void {
  app.post('/v1/jobs', {
    config: { access: ['jobs'] },
    schema: {
      summary: 'Submit a recording and do not wait',
      description: 'A form with the field `file`, the recording as the body with its content type, or a JSON object with `url`. 202 means that the job is accepted for good. With `id` the client names the job, and may ask for it and follow it while the recording is still sent or fetched. A request with an `Idempotency-Key` may be repeated: it gives the same job, with the header `Idempotent-Replayed`.',
      tags: ['jobs'],
      ...uploadSchema(jobFieldsSchema),
      response: { 202: { description: 'The job, accepted for good. `Location` says where it is.', content: { 'application/json': { schema: jobSchema } } }, ...errorResponses(SUBMIT_ERRORS) },
    },
    validatorCompiler: unvalidated,
  }, async (request, reply) => {
    if (door.stopping()) throw new AsrError('shutting_down', undefined, { retryAfterSeconds: 1 });
    const { owner } = request.principal;
    const { job, created } = await door.uploads.run(request.principal.owner, () => submitJob(door, {
      message: request.raw, response: reply.raw, query: request.query, owner,
      idempotencyKey: idempotencyKeyOf(request),
      reader: jobFieldReader({
        maxRetentionSeconds: door.config.MAX_JOB_RETENTION_SECONDS,
        requireTarget: (url) => { parseTarget(url, door.outbound.allowlist); },
      }),
      signal: AbortSignal.any([clientGone(reply.raw), door.abandoned]),
    })).catch((error: unknown) => {
      throw door.abandoned.aborted ? new AsrError('shutting_down', undefined, { retryAfterSeconds: 1 }) : error;
    });
    if (!created) void reply.header('idempotent-replayed', 'true');
    return reply.code(202).header('location', `/v1/jobs/${job.id}`).send(jobJson(job));
  });
}

function idempotencyKeyOf(request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !IDEMPOTENCY_KEY.test(key)) throw new AsrError('invalid_field', 'Idempotency-Key: must be 1 to 255 printable characters.', { param: 'Idempotency-Key' });
  return key;
}
