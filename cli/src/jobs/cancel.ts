import type { Terminal } from '../terminal.js';
import type { JobsArguments } from './jobs-arguments.js';
import { STATUS, concernsAll, faultJson, sentence, statusOf } from '../server/fault.js';

/** `murmur jobs cancel ID …`. */
export async function cancelCommand({ client, ids, json }: JobsArguments, terminal: Terminal): Promise<number> {
  let status: number = STATUS.done;
  for (const id of ids) {
    try {
      const job = await client.jobs.cancel(id);
      terminal.out(
        json
          ? `${JSON.stringify(job)}\n`
          : `${id} ${job.status === 'cancelled' ? 'is cancelled' : `had ended (${job.status}): transcript and events are deleted`}\n`,
      );
    } catch (error) {
      status = Math.max(status, statusOf(error));
      terminal.err(`${id}: ${sentence(error)}\n`);
      if (json) terminal.out(`${JSON.stringify({ id, error: faultJson(error) })}\n`);
      if (concernsAll(error)) return status;
    }
  }
  return status;
}
