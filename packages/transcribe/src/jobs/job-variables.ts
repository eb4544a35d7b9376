import { z } from 'zod';
import { Allowlist, isWebhookSecret } from '@murmuration/outbound';
import { EnvironmentError, integerVariable, type parseEnvironment } from '@murmuration/runtime';
import { ERASE_WITHIN_MS } from './jobs-runtime.js';

const DAY_SECONDS = 24 * 3_600;
const retentionVariable = integerVariable(1, 10 * 365 * DAY_SECONDS, 'seconds');
const allowlistVariable = z.string().transform((text, context) => {
  try {
    return Allowlist.parse(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'cannot be read' });
    return z.NEVER;
  }
});

/** The variables of submitted jobs, for the shape of an API node's environment. Every API node of a cluster has the same, since any of them sends any webhook. */
export const jobVariables = {
  /** What recordings may be fetched from and webhooks sent to although it is not public. */
  URL_ALLOWLIST: allowlistVariable.default(Allowlist.none),
  /** Signs webhooks; a key's own one counts before it. */
  WEBHOOK_SECRET: z.string().refine(isWebhookSecret, 'must be whsec_ and 24 to 64 bytes in base64').optional(),
  /** Audio of one model that may be planned and not yet transcribed; nothing more is let in beyond. */
  MAX_BACKLOG_SECONDS: integerVariable(1, 1_000_000_000, 'seconds').default(100 * 3_600),
  /** After this nothing is left of what was deleted, has expired or has ended: not in Redis, nor in its files, nor in the audio store. */
  ERASE_WITHIN_MS: integerVariable(1_000, 24 * 3_600_000, 'milliseconds').default(ERASE_WITHIN_MS),
  /** How long transcript and events of a job stay when it does not say; a week, or the most when that is less. */
  JOB_RETENTION_SECONDS: retentionVariable.optional(),
  /** … and at most. */
  MAX_JOB_RETENTION_SECONDS: retentionVariable.default(30 * DAY_SECONDS),
};

/** Seconds that a job's things stay when it does not say. Throws `EnvironmentError` when the variables contradict each other. */
export function jobRetentionSeconds(variables: ReturnType<typeof parseEnvironment<typeof jobVariables>>): number {
  const seconds = variables.JOB_RETENTION_SECONDS ?? Math.min(7 * DAY_SECONDS, variables.MAX_JOB_RETENTION_SECONDS);
  if (seconds > variables.MAX_JOB_RETENTION_SECONDS)
    throw new EnvironmentError(
      'JOB_RETENTION_SECONDS, MAX_JOB_RETENTION_SECONDS: the first is larger than the second.',
    );
  return seconds;
}
