import { z } from 'zod';
import type { OwnerUsage, Used } from '@murmuration/transcribe';

const counts = {
  recordings: z.int().describe('Requests and jobs.'),
  recorded_seconds: z.number().describe('Audio of these.'),
  live_sessions: z.int(),
  live_seconds: z.number().describe('Audio of live sessions.'),
};
const usedSchema = z.object(counts).meta({ id: 'Used' });

/** What an owner has used; days and months are those of UTC. */
export const ownerUsageSchema = z.object({ today: usedSchema, month: usedSchema, last_month: usedSchema });
/** The same with each day. */
export const dailyUsageSchema = ownerUsageSchema.extend({
  days: z.array(z.object({ day: z.iso.date(), ...counts })).describe('Of this month and the one before, newest first.'),
});

/** Null for what is not known. */
export function usageJson(usage: OwnerUsage | undefined): z.output<typeof ownerUsageSchema> | null {
  if (usage === undefined) return null;
  return { today: usedJson(usage.today), month: usedJson(usage.month), last_month: usedJson(usage.lastMonth) };
}

export function usedJson(used: Used): z.output<typeof usedSchema> {
  return {
    recordings: used.recordings,
    recorded_seconds: used.recordedMs / 1_000,
    live_sessions: used.liveSessions,
    live_seconds: used.liveMs / 1_000,
  };
}
