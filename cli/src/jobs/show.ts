import { clockTime } from '../output/clock-time.js';
import type { Terminal } from '../terminal.js';
import type { JobsArguments } from './jobs-arguments.js';
import { transcribed } from './list.js';

/** `murmur jobs show ID`. */
export async function showCommand({ client, ids, json }: JobsArguments, terminal: Terminal): Promise<number> {
  const job = await client.jobs.get(ids[0] ?? '');
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
