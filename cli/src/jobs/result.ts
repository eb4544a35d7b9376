import { join } from 'node:path';
import { transcriptText } from '../output/transcript-text.js';
import { writeWhole } from '../output/write-whole.js';
import { STATUS } from '../server/fault.js';
import type { Terminal } from '../terminal.js';
import type { JobsArguments } from './jobs-arguments.js';

/** `murmur jobs result ID`. */
export async function resultCommand(
  { client, ids, json, format, layout, folder }: JobsArguments,
  terminal: Terminal,
): Promise<number> {
  const id = ids[0] ?? '';
  const transcript = await client.jobs.transcript(id, format, layout);
  const path = folder === null ? null : join(folder, `${id.replace(/[^\w-]/g, '_')}.${format}`);
  if (path !== null) await writeWhole(path, transcriptText(transcript));
  if (json) terminal.out(`${JSON.stringify({ id, ...(path === null ? { transcript } : { output: path }) })}\n`);
  else terminal.out(path === null ? transcriptText(transcript) : `${path}\n`);
  return STATUS.done;
}
