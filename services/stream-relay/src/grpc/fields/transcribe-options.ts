import { z } from 'zod';
import { languageOf, transcribeOptionsSchema, type TranscribeOptions } from '@murmuration/contracts';
import { chosen, given, parsed, snakeCase } from './ids.js';

import type * as proto from '@murmuration/contracts/grpc';

const TASKS = { TASK_TRANSCRIBE: 'transcribe', TASK_TRANSLATE: 'translate' } as const;
const CHANNEL_MODES = { CHANNEL_MODE_MIX: 'mix', CHANNEL_MODE_SPLIT: 'split' } as const;

/** Longest prompt and list of words to favour, characters, as over HTTP; models take far less and trim. */
const PROMPT_LENGTH = 16_000;
const schema = transcribeOptionsSchema.extend({
  model: z.string().max(256).nullable(),
  decode: transcribeOptionsSchema.shape.decode
    .unwrap()
    .extend({ prompt: z.string().max(PROMPT_LENGTH), hotwords: z.string().max(PROMPT_LENGTH) }),
});

/** What a message asks for. Throws `invalid_field`, naming the field from `options` on. */
export function readOptions(options: proto.TranscribeOptions | null | undefined): TranscribeOptions {
  if (options === null || options === undefined) return transcribeOptionsSchema.parse({});
  return parsed(
    schema,
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
