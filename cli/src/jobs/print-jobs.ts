import type { Job, JobStatus, Murmuration } from '@murmuration/client/node';
import { clockTime, formatTable, type Terminal } from '../terminal.js';

const LARGEST_PAGE = 100;

/** `murmur jobs list`: as many pages as the limit takes. */
export async function listJobs(
  client: Murmuration,
  {
    json,
    status,
    limit,
    after,
    before,
  }: {
    readonly json?: true | undefined;
    readonly status?: JobStatus | undefined;
    readonly limit: number;
    readonly after?: string | undefined;
    readonly before?: string | undefined;
  },
  terminal: Terminal,
): Promise<number> {
  const jobs: Job[] = [];
  for await (const job of client.jobs.list({
    status,
    limit: Math.min(limit, LARGEST_PAGE),
    created_after: after,
    created_before: before,
  })) {
    if (json === true) terminal.out(`${JSON.stringify(job)}\n`);
    if (jobs.push(job) >= limit) break;
  }
  if (json === true) return 0;
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

/** `murmur jobs show ID`. */
export async function showJob(client: Murmuration, id: string, json: boolean, terminal: Terminal): Promise<number> {
  const job = await client.jobs.get(id);
  if (json) {
    terminal.out(`${JSON.stringify(job)}\n`);
    return 0;
  }
  const rows: readonly (readonly [name: string, value: string | null])[] = [
    ['id', job.id],
    ['status', job.status],
    ['error', job.error === null ? null : `${job.error.message} (${job.error.code})`],
    ['priority', job.priority],
    ['model', job.model],
    ['language', job.language],
    ['length', job.duration === null ? null : clockTime(job.duration)],
    ['transcribed', `${transcribed(job)} of speech`],
    ['before it', job.position === null ? null : String(job.position)],
    ['left, about', job.estimated_seconds_left === null ? null : clockTime(job.estimated_seconds_left)],
    ['created', job.created_at],
    ['accepted', job.accepted_at],
    ['finished', job.finished_at],
    ['kept until', job.purged ? 'purged' : job.expires_at],
    ['webhook', job.webhook === null ? null : `${job.webhook.url} (${job.webhook.events.join(', ')})`],
    ['metadata', job.metadata === null ? null : JSON.stringify(job.metadata)],
  ];
  terminal.out(
    rows
      .filter(([, value]) => value !== null)
      .map(([name, value]) => `${name.padEnd(12)}  ${value ?? ''}\n`)
      .join(''),
  );
  return 0;
}

/** Speech that is transcribed, of the speech that is known of. */
function transcribed({ progress: { done_seconds: done, planned_seconds: planned } }: Job): string {
  return `${clockTime(done)} of ${clockTime(planned)}`;
}
