import { reachOf } from '@murmuration/access';
import { AsrError, type JobStatus } from '@murmuration/contracts';
import type { CreateJobRequest, JobsMethods, ListJobsRequest } from '@murmuration/contracts/grpc';
import type { JobFilter, JobService } from '@murmuration/transcribe';
import { parseTarget } from '@murmuration/outbound';
import type { RelayContext } from '../relay-context.js';
import type { Handlers, RequestReader } from './calls/implementation.js';
import { chosen, eventId, invalidField, jobId } from './ids.js';
import { readJobSettings, type JobRules } from './settings.js';
import { jobEventMessage, jobMessage, STATUS_OF, transcriptMessage } from './replies.js';
import { untilLeaving } from './calls/active-call.js';

/** An upload that sends nothing for this long is given up. */
const IDLE_MS = 30_000;
const [DEFAULT_PAGE, LARGEST_PAGE, PAGE_TOKEN_LENGTH] = [20, 100, 512];

/** `murmuration.v1.Jobs`. */
export function jobsService(
  jobs: JobService,
  context: Pick<RelayContext, 'draining' | 'config' | 'access'>,
): Handlers<JobsMethods> {
  const { access, config } = context;
  const rulesOf = (owner: string | null): JobRules => ({
    maxRetentionSeconds: config.MAX_JOB_RETENTION_SECONDS,
    requireTarget: (url) => {
      parseTarget(url, config.URL_ALLOWLIST);
    },
    signsWebhooks: config.WEBHOOK_SECRET !== undefined || access.webhookSecret(owner) !== null,
  });
  return {
    CreateJob: async (requests, call) => {
      const first = await requests.next(IDLE_MS);
      if (first?.message !== 'settings')
        throw new AsrError(
          'invalid_message',
          `The first message must be settings, not ${first?.message ?? 'nothing'}.`,
        );
      const upload = new Upload(requests, config.MAX_UPLOAD_BYTES);
      try {
        const { job, created } = await jobs.submit({
          ...readJobSettings(first.settings, rulesOf(call.principal.owner)),
          source: upload.bytes(),
          owner: call.principal.owner,
          whose: reachOf(call.principal),
          trace: call.span.traceparent,
          signal: call.signal,
        });
        return { job: jobMessage(job), created };
      } catch (error) {
        // A decoder whose input breaks off has its own words for it: the client is told the cause.
        throw upload.fault ?? error;
      }
    },
    GetJob: async ({ id }, call) => ({ job: jobMessage(await jobs.get(jobId(id), reachOf(call.principal))) }),
    ListJobs: async (request, call) => {
      const { jobs: found, nextCursor } = await jobs.list({ ...filterOf(request), whose: reachOf(call.principal) });
      return { jobs: found.map(jobMessage), nextPageToken: nextCursor ?? '' };
    },
    CancelJob: async ({ id }, call) => ({ job: jobMessage(await jobs.cancel(jobId(id), reachOf(call.principal))) }),
    GetJobTranscript: async ({ id }, call) => ({
      transcript: transcriptMessage(await jobs.transcript(jobId(id), reachOf(call.principal))),
    }),
    WatchJob: async ({ id, afterEventId }, call, answer) => {
      const afterId = eventId('after_event_id', afterEventId) ?? '0';
      await untilLeaving(call, context.draining, async (signal) => {
        for await (const event of await jobs.follow(jobId(id), reachOf(call.principal), afterId, signal))
          await answer.send(jobEventMessage(event));
      });
    },
  };
}

function filterOf(request: ListJobsRequest): Omit<JobFilter, 'whose'> {
  const limit = request.pageSize ?? DEFAULT_PAGE;
  if (limit < 1 || limit > LARGEST_PAGE) throw invalidField('page_size', `must be from 1 to ${String(LARGEST_PAGE)}`);
  if (request.pageToken.length > PAGE_TOKEN_LENGTH) throw invalidField('page_token', 'not the token of a page');
  const statuses = request.statuses.map((name): JobStatus => {
    const status = chosen('statuses', name, STATUS_OF);
    if (status === undefined) throw invalidField('statuses', 'JOB_STATUS_UNSPECIFIED is no status of a job');
    return status;
  });
  return {
    statuses: statuses.length === 0 ? null : [...new Set(statuses)],
    createdAfterMs: request.createdAfterMs ?? null,
    createdBeforeMs: request.createdBeforeMs ?? null,
    limit,
    cursor: request.pageToken === '' ? null : request.pageToken,
  };
}

/** The bytes of a recording that comes in messages; what is wrong with their coming is kept as well as thrown. */
class Upload {
  readonly #requests: RequestReader<CreateJobRequest>;
  readonly #maxBytes: number;
  fault: AsrError | null = null;

  constructor(requests: RequestReader<CreateJobRequest>, maxBytes: number) {
    this.#requests = requests;
    this.#maxBytes = maxBytes;
  }

  /** Throws `empty_file`, `file_too_large`, `upload_timeout`, `invalid_message`, and the reason when the call is over. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    try {
      let bytes = 0;
      for (
        let request = await this.#requests.next(IDLE_MS);
        request !== null;
        request = await this.#requests.next(IDLE_MS)
      ) {
        if (request.message !== 'audio')
          throw new AsrError(
            'invalid_message',
            `After settings every message must be audio, not ${request.message ?? 'nothing'}.`,
          );
        bytes += request.audio.byteLength;
        if (bytes > this.#maxBytes) throw new AsrError('file_too_large', undefined, { param: 'audio' });
        yield request.audio;
      }
      if (bytes === 0) throw new AsrError('empty_file', undefined, { param: 'audio' });
    } catch (error) {
      this.fault = AsrError.from(error);
      throw error;
    }
  }
}
