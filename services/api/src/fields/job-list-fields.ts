import { z } from 'zod';
import { AsrError, jobStatusSchema, type JobStatus } from '@murmuration/contracts';
import { FieldBag, parseFields, textField } from './field-bag.js';

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
