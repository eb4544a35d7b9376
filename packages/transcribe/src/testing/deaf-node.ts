import type { GuardedClient } from '@murmuration/outbound';
import { RECONCILER_TIMES } from '../jobs/reconciler.js';
import { logger } from './jobs-cluster.js';
import { startNode, type JobsNode } from './jobs-node.js';

const NEVER_MS = 1e8;

/** Told of every end of a job, at an address where nobody listens. */
export const UNHEARD_WEBHOOK = {
  url: 'http://127.0.0.1:1/nobody-listens',
  events: ['job.done', 'job.failed', 'job.cancelled'] as ('job.done' | 'job.failed' | 'job.cancelled')[],
};

export const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** A node that looks after nothing by itself. @param client sends its webhooks; stays the caller's */
export function startDeafNode(redisUrl: string, client: GuardedClient): Promise<JobsNode> {
  return startNode(redisUrl, logger, {
    outbound: client,
    webhookSecret: WEBHOOK_SECRET,
    reconciler: { ...RECONCILER_TIMES, everyMs: NEVER_MS },
  });
}
