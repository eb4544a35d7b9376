import {
  AsrError,
  type JobMetadata,
  type JobPriority,
  jobPrioritySchema,
  type JobStatus,
  jobStatusSchema,
  MAX_METADATA_BYTES,
  type TranscribeOptions,
  type Webhook,
  webhookEventSchema,
  webhookSchema,
} from '@murmuration/contracts';
import { z } from 'zod';
import { FieldBag, type FieldReader, parseFields, textField } from './field-bag.js';
import { guardedJson } from './json-fields.js';
import { optionsFrom, transcribeFieldsSchema } from './transcribe-fields.js';

const URL_LENGTH = 8_192;
const JSON_LENGTH = 32_000;

/** Fields that a job has beside those of `POST /transcribe`, as text. */
const ownFields = {
  id: z
    .uuid('must be a UUID')
    .optional()
    .describe('Names the job, so that it can be asked for and followed while it is still sent.'),
  url: z.string().max(URL_LENGTH).optional().describe('Address of the recording, http or https, in place of the file.'),
  priority: textField(jobPrioritySchema).describe('`batch` when left out.'),
  retention_seconds: textField(z.number().int().min(1)).describe('How long transcript and events stay after the end.'),
};

/** Fields of `POST /v1/jobs` in the form or as query parameters. */
export const jobFieldsSchema = transcribeFieldsSchema
  .omit({ max_line_width: true, max_line_count: true, max_words_per_line: true, highlight_words: true })
  .extend({
    ...ownFields,
    response_format: transcribeFieldsSchema.shape.response_format.describe(
      'Of no effect: the transcript is there in every format.',
    ),
    metadata: z
      .string()
      .max(JSON_LENGTH)
      .optional()
      .describe(`A JSON object of up to ${String(MAX_METADATA_BYTES)} bytes, returned as it came.`),
    webhook: z.string().max(JSON_LENGTH).optional().describe('A JSON object `{"url", "events"}`.'),
    webhook_url: z.string().max(URL_LENGTH).optional().describe('The address by itself, in place of `webhook`.'),
    webhook_events: z
      .array(z.string().max(256))
      .max(16)
      .optional()
      .describe('Events for `webhook_url`, apart by commas or sent several times; all when left out.'),
  });

/** The same as a JSON body, where objects are objects. */
export const jobJsonFieldsSchema = jobFieldsSchema.extend({
  metadata: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(`Up to ${String(MAX_METADATA_BYTES)} bytes of JSON, returned as it came.`),
  webhook: webhookSchema.optional().describe("Where to tell of the job's end."),
  webhook_events: z.array(webhookEventSchema).optional(),
});

/** A job's fields as they were understood. */
export interface JobFields {
  readonly id: string | null;
  readonly url: string | null;
  readonly options: TranscribeOptions;
  readonly priority: JobPriority;
  readonly metadata: JobMetadata | null;
  readonly webhook: Webhook | null;
  readonly retentionSeconds: number | null;
}

export interface JobFieldRules {
  readonly maxRetentionSeconds: number;
  /** Throws `url_not_allowed` for what may not be reached, as far as the address alone tells. */
  requireTarget(url: string): void;
}

/** Reads the fields of a job. Throws what `FieldReader` does, and `url_not_allowed` naming `url` or `webhook`. */
export function jobFieldReader(rules: JobFieldRules): FieldReader<JobFields> {
  return {
    lists: ['webhook_events'],
    schema: jobFieldsSchema,
    strict: true,
    read(bag) {
      const fields = parseFields(jobFieldsSchema, bag);
      const retentionSeconds = fields.retention_seconds ?? null;
      if (retentionSeconds !== null && retentionSeconds > rules.maxRetentionSeconds)
        throw invalid('retention_seconds', `at most ${String(rules.maxRetentionSeconds)} here`);
      if (fields.url !== undefined) requireTarget(rules, fields.url, 'url');
      return {
        id: fields.id?.toLowerCase() ?? null,
        url: fields.url ?? null,
        options: optionsFrom(fields),
        priority: fields.priority ?? 'batch',
        metadata: fields.metadata === undefined ? null : metadataFrom(fields.metadata),
        webhook: webhookOf(fields, rules),
        retentionSeconds,
      };
    },
  };
}

function metadataFrom(text: string): JobMetadata {
  const value = guardedJson(text, 'The field metadata');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('metadata', 'must be a JSON object');
  if (Buffer.byteLength(JSON.stringify(value)) > MAX_METADATA_BYTES)
    throw invalid('metadata', `at most ${String(MAX_METADATA_BYTES)} bytes of JSON`);
  return value as JobMetadata;
}

function webhookOf(fields: z.output<typeof jobFieldsSchema>, rules: JobFieldRules): Webhook | null {
  const param = fields.webhook === undefined ? 'webhook_url' : 'webhook';
  const asked = fields.webhook === undefined ? asWebhook(fields) : guardedJson(fields.webhook, 'The field webhook');
  if (asked === null) return null;
  if (param === 'webhook' && (fields.webhook_url !== undefined || fields.webhook_events !== undefined))
    throw invalid('webhook', 'came together with webhook_url or webhook_events. Send one of them');
  const result = z.strictObject(webhookSchema.shape).safeParse(asked);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw invalid(
      issue?.path[0] === 'events' && param !== 'webhook' ? 'webhook_events' : param,
      `${issue?.path.map(String).join('.') ?? ''} ${issue?.message ?? 'not valid'}`.trim(),
    );
  }
  requireTarget(rules, result.data.url, param);
  return result.data;
}

function asWebhook(fields: z.output<typeof jobFieldsSchema>): object | null {
  const events = fields.webhook_events
    ?.flatMap((text) => text.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (fields.webhook_url === undefined) {
    if (events !== undefined) throw invalid('webhook_events', 'needs webhook_url');
    return null;
  }
  return { url: fields.webhook_url, ...(events === undefined ? {} : { events }) };
}

function requireTarget(rules: JobFieldRules, url: string, param: string): void {
  try {
    rules.requireTarget(url);
  } catch (error) {
    const refusal = AsrError.from(error);
    throw AsrError.fromRecord({ ...refusal.toRecord(), param });
  }
}

function invalid(param: string, what: string): AsrError {
  return new AsrError('invalid_field', `${param}: ${what}.`, { param });
}

/** Query parameters of `GET /v1/jobs`. */
export const jobListFieldsSchema = z.strictObject({
  limit: textField(z.number().int().min(1).max(100)).describe('Jobs on a page; 20 when left out.'),
  cursor: z.string().max(512).optional().describe('`next_cursor` of the page before.'),
  status: z
    .array(z.string().max(128))
    .max(16)
    .optional()
    .describe('Only jobs in these states, apart by commas or sent several times.'),
  created_after: z.string().max(64).optional().describe('ISO 8601 or Unix seconds; the moment itself counts.'),
  created_before: z.string().max(64).optional().describe('As `created_after`.'),
});

export interface JobListFields {
  readonly limit: number;
  readonly cursor: string | null;
  readonly statuses: readonly JobStatus[] | null;
  readonly createdAfterMs: number | null;
  readonly createdBeforeMs: number | null;
}

const DEFAULT_LIMIT = 20;
const timeSchema = z.iso.datetime({ offset: true }).or(z.iso.date());
const UNIX_SECONDS = /^\d{1,11}(?:\.\d{1,6})?$/;

/** Reads the query of a list. Throws `invalid_field` or `unknown_field` naming the parameter. */
export function readJobListFields(query: unknown): JobListFields {
  const bag = new FieldBag(['status']);
  // A ticket was looked at before the route was reached.
  bag.addQuery(Object.fromEntries(Object.entries(query as object).filter(([name]) => name !== 'ticket')));
  const fields = parseFields(jobListFieldsSchema, bag);
  return {
    limit: fields.limit ?? DEFAULT_LIMIT,
    cursor: fields.cursor ?? null,
    statuses: fields.status === undefined ? null : statusesFrom(fields.status),
    createdAfterMs: timeFrom('created_after', fields.created_after),
    createdBeforeMs: timeFrom('created_before', fields.created_before),
  };
}

function statusesFrom(texts: readonly string[]): JobStatus[] {
  const names = texts
    .flatMap((text) => text.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const result = z.array(jobStatusSchema).min(1).safeParse(names);
  if (!result.success)
    throw new AsrError('invalid_field', `status: must be of ${jobStatusSchema.options.join(', ')}.`, {
      param: 'status',
    });
  return [...new Set(result.data)];
}

function timeFrom(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  if (UNIX_SECONDS.test(text)) return Math.round(Number(text) * 1_000);
  // In an address a plus sign may have come out as a space.
  const iso = text.replace(/ (?=\d\d:\d\d$)/, '+');
  if (!timeSchema.safeParse(iso).success)
    throw new AsrError('invalid_field', `${name}: must be a time such as 2027-01-31T00:00:00Z, or Unix seconds.`, {
      param: name,
    });
  return Date.parse(iso);
}
