import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reach } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import type { JobService, JobSubmission, SubmittedJob } from '@murmuration/transcribe';
import { fetchRecording, type GuardedClient } from '@murmuration/outbound';
import { awaitedLater, settled } from '@murmuration/contracts/left-alone';
import { addJsonFields, canonicalJson } from './fields/json-fields.js';
import { FieldBag, type FieldReader } from './fields/field-bag.js';
import type { JobFields } from './fields/job-fields.js';
import { KeptFault, namingSource } from './errors/source-faults.js';
import { receiveRecording, type ReceivingParts, type Recording, type Work } from './receive-recording.js';
import { readText } from './upload/body-reader.js';
import { isBodiless, isJson } from './upload/upload-headers.js';

/** What submissions work with. */
export interface SubmitParts extends ReceivingParts {
  readonly jobs: JobService;
  /** Fetches recordings. */
  readonly outbound: GuardedClient;
}

export interface SubmitRequest {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  /** The parsed query. */
  readonly query: unknown;
  /** Whose the job is; null without keys. */
  readonly owner: string | null;
  /** Whose jobs its sender sees. */
  readonly whose: Reach;
  /** W3C `traceparent` of the request, where tracing is on. */
  readonly trace: string | null;
  readonly idempotencyKey: string | null;
  readonly reader: FieldReader<JobFields>;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/** Takes in a job whose recording comes with the request or is fetched from the URL that it names. Resolves when it is accepted for good. Throws `AsrError`. */
export async function submitJob(parts: SubmitParts, request: SubmitRequest): Promise<SubmittedJob> {
  const { message, response, query, reader, signal } = request;
  if (isJson(message.headers)) return submitUrl(parts, request, await jsonFields(parts, request));
  if (isBodiless(message.headers) && hasUrl(query)) return submitUrl(parts, request, queryFields(request));
  const { fields, result } = await receiveRecording<JobFields, SubmittedJob>(parts, {
    message,
    response,
    query,
    reader,
    signal,
    needsFile: (known) => known.url === null,
    begin: (recording) => new SubmitWork(parts.jobs, request, recording),
  }).catch((error: unknown) => {
    throw namingSource(error, 'file');
  });
  return result ?? submitUrl(parts, request, fields);
}

function hasUrl(query: unknown): boolean {
  return typeof query === 'object' && query !== null && 'url' in query;
}

function queryFields({ reader, query }: SubmitRequest): JobFields {
  const bag = new FieldBag(reader.lists);
  bag.addQuery(query);
  return reader.read(bag);
}

async function jsonFields(parts: SubmitParts, request: SubmitRequest): Promise<JobFields> {
  const bag = new FieldBag(request.reader.lists);
  bag.addQuery(request.query);
  addJsonFields(bag, await readText(request, parts.limits));
  return request.reader.read(bag);
}

async function submitUrl(parts: SubmitParts, request: SubmitRequest, fields: JobFields): Promise<SubmittedJob> {
  if (fields.url === null)
    throw new AsrError('missing_file', 'No audio was sent. Name it in `url`, or send it as a form or as the body.', {
      param: 'url',
    });
  const over = new AbortController();
  const signal = AbortSignal.any([request.signal, over.signal]);
  const { limits } = parts;
  const kept = new KeptFault();
  try {
    const { source, contentType, extension } = await fetchRecording(fields.url, {
      client: parts.outbound,
      signal,
      maxBytes: limits.maxUploadBytes,
      idleTimeoutMs: limits.idleTimeoutMs,
      totalTimeoutMs: limits.totalTimeoutMs,
    }).catch((error: unknown) => {
      if (request.idempotencyKey === null) throw error;
      // A repeated request is answered although the address has gone since.
      return { source: failing(error), contentType: null, extension: null };
    });
    return await parts.jobs.submit({
      ...submission(request, fields, { source: kept.passing(source), contentType, extension, signal }),
      hashBytes: false,
    });
  } catch (error) {
    throw namingSource(kept.insteadOf(error), 'url');
  } finally {
    // A source that nobody read is still open.
    over.abort();
  }
}

/** A source that has nothing but its fault. */
function failing(error: unknown): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(AsrError.from(error)) }) };
}

function submission(
  request: SubmitRequest,
  fields: JobFields,
  recording: Pick<JobSubmission, 'source' | 'contentType' | 'extension' | 'signal'>,
): JobSubmission {
  const { id, options, priority, metadata, webhook, retentionSeconds } = fields;
  return {
    ...recording,
    id,
    options,
    priority,
    metadata,
    webhook,
    retentionSeconds,
    owner: request.owner,
    whose: request.whose,
    trace: request.trace,
    idempotencyKey: request.idempotencyKey,
    fingerprint: canonicalJson(fields),
  };
}

/** One attempt at the submission of a recording that comes with the request. Any field changes it; nothing is accepted before all are there. */
class SubmitWork implements Work<JobFields, SubmittedJob> {
  readonly #fields: string;
  readonly #cancelled = new AbortController();
  readonly #submitted: Promise<SubmittedJob>;

  constructor(jobs: JobService, request: SubmitRequest, { fields, file, source, free }: Recording<JobFields>) {
    if (fields.url !== null)
      throw new AsrError('invalid_field', 'url: came together with a recording. Send one of them.', { param: 'url' });
    this.#fields = canonicalJson(fields);
    const signal = AbortSignal.any([request.signal, this.#cancelled.signal]);
    this.#submitted = free.then(() =>
      jobs.submit(
        submission(request, fields, { source, contentType: file.contentType, extension: file.extension, signal }),
      ),
    );
    awaitedLater(this.#submitted);
  }

  outcome(): Promise<SubmittedJob> {
    return this.#submitted;
  }

  failure(): Promise<never> {
    return new Promise((_resolve, reject) => {
      this.#submitted.catch(reject);
    });
  }

  goesOnWith(fields: JobFields): boolean {
    return canonicalJson(fields) === this.#fields;
  }

  async cancel(): Promise<void> {
    this.#cancelled.abort();
    await settled(this.#submitted);
  }
}
