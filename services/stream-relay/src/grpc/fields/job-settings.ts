import { z } from 'zod';
import {
  AsrError,
  MAX_METADATA_BYTES,
  webhookSchema,
  type JobMetadata,
  type JobPriority,
  type Webhook,
  type WebhookEvent,
} from '@murmuration/contracts';
import type * as proto from '@murmuration/contracts/grpc';
import type { JobSubmission } from '@murmuration/transcribe';
import { chosen, invalidField, parsed, snakeCase } from './ids.js';
import { readOptions, readRecording } from './transcribe-options.js';

const PRIORITIES = { JOB_PRIORITY_INTERACTIVE: 'interactive', JOB_PRIORITY_BATCH: 'batch' } as const satisfies Record<
  string,
  JobPriority
>;
const EVENTS = {
  WEBHOOK_EVENT_JOB_DONE: 'job.done',
  WEBHOOK_EVENT_JOB_FAILED: 'job.failed',
  WEBHOOK_EVENT_JOB_CANCELLED: 'job.cancelled',
} as const satisfies Record<string, WebhookEvent>;
const MAX_DEPTH = 32;

const schema = z.object({
  id: z.literal('').or(z.uuid('must be a UUID')),
  retentionSeconds: z.number().int().min(1).nullish(),
  idempotencyKey: z.string().regex(/^[!-~]{0,255}$/, 'must be at most 255 visible ASCII characters'),
  metadataJson: z
    .string()
    .refine(
      (text) => Buffer.byteLength(text) <= MAX_METADATA_BYTES,
      `at most ${String(MAX_METADATA_BYTES)} bytes of JSON`,
    ),
});

type JobFields = Pick<
  JobSubmission,
  | 'id'
  | 'options'
  | 'contentType'
  | 'extension'
  | 'priority'
  | 'metadata'
  | 'webhook'
  | 'retentionSeconds'
  | 'idempotencyKey'
  | 'fingerprint'
>;

export interface JobRules {
  readonly maxRetentionSeconds: number;
  /** Throws `url_not_allowed` for what may not be reached, as far as the address alone tells. */
  requireTarget(url: string): void;
  /** False when there is no secret to sign webhooks with. */
  readonly signsWebhooks: boolean;
}

/** The first message of a submission. Throws `invalid_field` naming the field from `settings` on, or an option; `url_not_allowed`. */
export function readJobSettings(settings: proto.JobSettings, rules: JobRules): JobFields {
  const { id, retentionSeconds, idempotencyKey, metadataJson } = parsed(schema, settings, (path) =>
    ['settings', ...path.map(snakeCase)].join('.'),
  );
  if ((retentionSeconds ?? 0) > rules.maxRetentionSeconds)
    throw invalidField('settings.retention_seconds', `at most ${String(rules.maxRetentionSeconds)} here`);
  const request = {
    id: id === '' ? null : id.toLowerCase(),
    options: readOptions(settings.options),
    priority: chosen('settings.priority', settings.priority, PRIORITIES) ?? 'batch',
    metadata: metadataJson === '' ? null : metadataOf(metadataJson),
    webhook: settings.webhook === null || settings.webhook === undefined ? null : webhookOf(settings.webhook, rules),
    retentionSeconds: retentionSeconds ?? null,
  };
  return {
    ...request,
    ...readRecording(settings),
    idempotencyKey: idempotencyKey === '' ? null : idempotencyKey,
    fingerprint: JSON.stringify(request),
  };
}

function metadataOf(text: string): JobMetadata {
  let value: unknown;
  try {
    value = JSON.parse(text, (key, inner: unknown) => {
      if (key === '__proto__') throw invalidField('settings.metadata_json', 'a field may not have the name __proto__');
      return inner;
    });
  } catch (error) {
    // The parser's own message quotes the text.
    throw error instanceof AsrError ? error : invalidField('settings.metadata_json', 'is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidField('settings.metadata_json', 'must be a JSON object');
  if (depthOf(value) > MAX_DEPTH)
    throw invalidField('settings.metadata_json', `is nested more than ${String(MAX_DEPTH)} deep`);
  return value as JobMetadata;
}

function depthOf(value: unknown): number {
  return typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
}

function webhookOf(webhook: proto.JobWebhook, rules: JobRules): Webhook {
  const events = webhook.events.map(
    (event) => chosen('settings.webhook.events', event, EVENTS) ?? 'WEBHOOK_EVENT_UNSPECIFIED',
  );
  const result = parsed(webhookSchema, { url: webhook.url, ...(events.length === 0 ? {} : { events }) }, (path) =>
    ['settings.webhook', ...path].join('.'),
  );
  try {
    rules.requireTarget(result.url);
  } catch (error) {
    throw AsrError.fromRecord({ ...AsrError.from(error).toRecord(), param: 'settings.webhook.url' });
  }
  if (!rules.signsWebhooks)
    throw invalidField(
      'settings.webhook',
      'this server has no secret to sign webhooks with. Its operator sets WEBHOOK_SECRET',
    );
  return result;
}
