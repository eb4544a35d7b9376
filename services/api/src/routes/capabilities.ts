import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import {
  channelModeSchema,
  responseFormatSchema,
  taskSchema,
  wordTimesSchema,
  type ModelCard,
} from '@murmuration/contracts';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { ApiContext } from '../api-context.js';
import { errorResponses } from '../replies/error-responses.js';
import { gpuJson, gpusSchema, workerJson, workerSchema } from './v1/cluster.js';

const modelSchema = z.object({
  id: z.string(),
  family: z.string(),
  dtype: z.string(),
  languages: z.array(z.string()),
  tasks: z.array(taskSchema),
  word_times: wordTimesSchema,
  detects_language: z.boolean(),
  max_chunk_seconds: z.number(),
});
const capabilitiesSchema = z
  .object({
    model: modelSchema.nullable().describe('The default model; null while none is known.'),
    models: z.array(modelSchema),
    device: z.string().nullable().describe('Where the default model runs.'),
    languages: z.array(z.string()).describe('Of the default model, ISO 639-1.'),
    tasks: z.array(taskSchema),
    formats: z.array(z.string()).describe('Formats of recordings that can be decoded here.'),
    response_formats: z.array(responseFormatSchema),
    channels: z.array(channelModeSchema),
    limits: z.object({
      max_upload_bytes: z.number().int(),
      max_audio_seconds: z.number(),
      max_form_fields: z.number().int(),
      upload_idle_timeout_seconds: z.number(),
    }),
    workers: z.array(workerSchema),
    gpus: gpusSchema,
  })
  .meta({ id: 'Capabilities' });

/** `GET /capabilities`: what a request may ask for here. */
export function capabilitiesRoute(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/capabilities',
    {
      config: { access: ['read'] },
      schema: {
        summary: 'What a request may ask for',
        tags: ['operations'],
        response: {
          200: { description: 'Capabilities.', content: { 'application/json': { schema: capabilitiesSchema } } },
          ...errorResponses([]),
        },
      },
    },
    async (): Promise<z.output<typeof capabilitiesSchema>> => {
      const [status, card, gpus] = await Promise.all([
        context.service.status(),
        context.service.resolveModel(null).catch(leaveAlone('shown_without', null)),
        context.gpus(),
      ]);
      return {
        model: card === null ? null : modelJson(card),
        models: status.models.map(modelJson),
        device: card?.device ?? null,
        languages: card?.model.languages ?? [],
        tasks: card?.model.tasks ?? [],
        formats: [...context.formats],
        response_formats: responseFormatSchema.options,
        channels: channelModeSchema.options,
        limits: {
          max_upload_bytes: context.limits.maxUploadBytes,
          max_audio_seconds: context.config.MAX_AUDIO_SECONDS,
          max_form_fields: context.limits.maxFormFields,
          upload_idle_timeout_seconds: context.limits.idleTimeoutMs / 1000,
        },
        workers: status.workers.map(workerJson),
        gpus: gpus.map(gpuJson),
      };
    },
  );
}

function modelJson({ model }: ModelCard): z.output<typeof modelSchema> {
  return {
    id: model.id,
    family: model.family,
    dtype: model.dtype,
    languages: model.languages,
    tasks: model.tasks,
    word_times: model.wordTimes,
    detects_language: model.detectsLanguage,
    max_chunk_seconds: model.chunkPolicy.maxChunkMs / 1000,
  };
}
