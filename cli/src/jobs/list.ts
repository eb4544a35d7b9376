import type { Job } from '@murmuration/client/node';
import { clockTime } from '../output/clock-time.js';
import { formatTable } from '../table.js';
import type { Terminal } from '../terminal.js';
import type { JobsArguments } from './jobs-arguments.js';

const LARGEST_PAGE = 100;

/** `murmur jobs list`. */
export async function listCommand(
  { client, json, status, limit, after, before }: JobsArguments,
  terminal: Terminal,
): Promise<number> {
  const jobs: Job[] = [];
  for await (const job of client.jobs.list({
    status,
    limit: Math.min(limit, LARGEST_PAGE),
    created_after: after,
    created_before: before,
  })) {
    if (json) terminal.out(`${JSON.stringify(job)}\n`);
    if (jobs.push(job) >= limit) break;
  }
  if (json) return 0;
  terminal.out(
    formatTable(
      ['ID', 'STATUS', 'PRIORITY', 'MODEL', 'CREATED', 'LENGTH', 'TRANSCRIBED'],
      jobs.map((job) => [
        job.id,
        job.purged ? `${job.status}, purged` : job.status,
        job.priority,
        job.model,
        job.created_at,
        job.duration === null ? '?' : clockTime(job.duration),
        transcribed(job),
      ]),
    ),
  );
  return 0;
}

/** Speech that is transcribed, of the speech that is known of. */
export function transcribed({ progress: { done_seconds: done, planned_seconds: planned } }: Job): string {
  return `${clockTime(done)} of ${clockTime(planned)}`;
}
