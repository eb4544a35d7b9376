import {
  AsrError,
  type JobMetadata,
  type JobPriority,
  languageOf,
  type LiveEncoding,
  type LiveSettings,
  liveSettingsSchema,
  MAX_METADATA_BYTES,
  type TranscribeOptions,
  transcribeOptionsSchema,
  type Webhook,
  type WebhookEvent,
  webhookSchema,
} from '@murmuration/contracts';
import type * as proto from '@murmuration/contracts/grpc';
import type { JobSubmission } from '@murmuration/transcribe';
import { z } from 'zod';
import { chosen, given, invalidField, parsed, snakeCase } from './ids.js';

const TASKS = { TASK_TRANSCRIBE: 'transcribe', TASK_TRANSLATE: 'translate' } as const;
const CHANNEL_MODES = { CHANNEL_MODE_MIX: 'mix', CHANNEL_MODE_SPLIT: 'split' } as const;

/** Longest prompt and list of words to favour, characters, as over HTTP; models take far less and trim. */
const PROMPT_LENGTH = 16_000;
const optionsSchema = transcribeOptionsSchema.extend({
  model: z.string().max(256).nullable(),
  decode: transcribeOptionsSchema.shape.decode
    .unwrap()
    .extend({ prompt: z.string().max(PROMPT_LENGTH), hotwords: z.string().max(PROMPT_LENGTH) }),
});

/** What a message asks for. Throws `invalid_field`, naming the field from `options` on. */
export function readOptions(options: proto.TranscribeOptions | null | undefined): TranscribeOptions {
  if (options === null || options === undefined) return transcribeOptionsSchema.parse({});
  return parsed(
    optionsSchema,
    {
      model: options.model === '' ? null : options.model,
      ...given({ channels: chosen('options.channels', options.channels, CHANNEL_MODES), track: options.track }),
      detect: given({ ...options.detect }),
      decode: given({
        language: languageOf(options.language),
        task: chosen('options.task', options.task, TASKS),
        wordTimestamps: options.wordTimestamps,
        prompt: options.prompt,
        hotwords: options.hotwords,
        temperatures: options.temperatures.length === 0 ? undefined : options.temperatures,
        conditionOnPreviousText: options.conditionOnPreviousText,
        filter: filterOf(options.filter),
      }),
    },
    (path) => ['options', ...path.filter((part) => part !== 'decode').map(snakeCase)].join('.'),
  );
}

function filterOf(filter: proto.FilterOptions | null | undefined): Record<string, unknown> {
  if (filter === null || filter === undefined) return {};
  const { noSpeech, logprob, compressionRatio, ...same } = filter;
  return {
    ...given(same),
    // The service turns these off by having no threshold.
    ...(noSpeech === false ? { noSpeechThreshold: null } : {}),
    ...(logprob === false ? { logprobThreshold: null } : {}),
    ...(compressionRatio === false ? { compressionRatioThreshold: null } : {}),
  };
}

const recordingSchema = z.object({
  contentType: z
    .string()
    .max(256)
    .regex(/^[ -~]*$/, 'must be a media type such as audio/mpeg'),
  extension: z.string().regex(/^\.?[A-Za-z0-9]{0,16}$/, 'must be letters and digits, at most 16'),
});

/** What a client says of its file, null for what it does not. Throws `invalid_field`. */
export function readRecording(fields: { readonly contentType: string; readonly extension: string }): {
  readonly contentType: string | null;
  readonly extension: string | null;
} {
  const { contentType, extension } = parsed(recordingSchema, fields, (path) => path.map(snakeCase).join('.'));
  const plain = extension.replace('.', '').toLowerCase();
  return { contentType: contentType === '' ? null : contentType, extension: plain === '' ? null : plain };
}

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

const jobSchema = z.object({
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
  const { id, retentionSeconds, idempotencyKey, metadataJson } = parsed(jobSchema, settings, (path) =>
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

const ENCODINGS = {
  LIVE_ENCODING_PCM_S16LE: 'pcm_s16le',
  LIVE_ENCODING_PCM_F32LE: 'pcm_f32le',
  LIVE_ENCODING_PCM_U8: 'pcm_u8',
  LIVE_ENCODING_MULAW: 'mulaw',
  LIVE_ENCODING_ALAW: 'alaw',
  LIVE_ENCODING_OPUS: 'opus',
} as const satisfies Record<string, LiveEncoding>;
const ENCODING_NAMES = Object.fromEntries(
  Object.entries(ENCODINGS).map(([name, encoding]) => [encoding, name]),
) as Readonly<Record<LiveEncoding, keyof typeof ENCODINGS>>;

const liveSchema = liveSettingsSchema.extend({
  model: liveSettingsSchema.shape.model
    .unwrap()
    .refine((name) => name === null || name.length <= 200, 'at most 200 characters'),
});

/** What the first message of a session asks for. Throws `invalid_field`, naming the field from `config` on. */
export function readLiveConfig(config: proto.LiveConfig): LiveSettings {
  return parsed(
    liveSchema,
    {
      ...given({ ...config, encoding: chosen('config.encoding', config.encoding, ENCODINGS) }),
      model: config.model === '' ? null : config.model,
      language: languageOf(config.language),
    },
    (path) => ['config', ...path.map(snakeCase)].join('.'),
  );
}

/** Settings as a session has them, every field filled in. */
export function liveConfig(settings: LiveSettings): proto.LiveConfig {
  return {
    ...settings,
    encoding: ENCODING_NAMES[settings.encoding],
    model: settings.model ?? '',
    language: settings.language ?? '',
  };
}
