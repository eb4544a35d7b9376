import { z } from 'zod';
import type { ModelCard } from '@murmuration/contracts';
import type { Gpu } from '../api-context.js';

/** A worker, as clients are told of it. */
export const workerSchema = z.object({
  id: z.string(),
  model: z.string(),
  device: z.string(),
  gpu: z.string().nullable(),
  sessions: z.number().int(),
  max_batch: z.number().int(),
  speed: z.number().describe('Audio seconds a second, as measured while it warmed up.'),
  draining: z.boolean(),
});

export function workerJson(card: ModelCard): z.output<typeof workerSchema> {
  return {
    id: card.workerId,
    model: card.model.id,
    device: card.device,
    gpu: card.gpu?.name ?? null,
    sessions: card.sessions,
    max_batch: card.maxBatch,
    speed: card.speed,
    draining: card.draining,
  };
}

/** GPUs of the machine that answers. */
export const gpusSchema = z
  .array(
    z.object({
      name: z.string(),
      memory_mib: z.number().nullable(),
      memory_used_mib: z.number().nullable(),
      utilization_percent: z.number().nullable(),
      temperature_c: z.number().nullable(),
      /** Drawn now, watts. */
      power_w: z.number().nullable(),
    }),
  )
  .describe('GPUs of the machine that answers.');

export function gpuJson(gpu: Gpu): z.output<typeof gpusSchema>[number] {
  return {
    name: gpu.name,
    memory_mib: gpu.memoryMiB,
    memory_used_mib: gpu.memoryUsedMiB,
    utilization_percent: gpu.utilizationPercent,
    temperature_c: gpu.temperatureC,
    power_w: gpu.powerW,
  };
}
