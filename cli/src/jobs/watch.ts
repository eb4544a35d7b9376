import type { JobEvent, Murmuration } from '@murmuration/client/node';
import { clockTime } from '../output/plain-text.js';
import { STATUS } from '../server/fault.js';
import type { Terminal } from '../terminal.js';
import { ProgressBoard, type Progress } from '../transcribe/progress-board.js';

/** `murmur jobs watch ID`: its segments as they come, from the first. Status 1 when the job fails or is cancelled. Throws `Interrupted`; the job goes on. */
export async function watchJob(client: Murmuration, id: string, json: boolean, terminal: Terminal): Promise<number> {
  const board = new ProgressBoard(terminal);
  const progress = board.add(id);
  progress.accepted();
  let end: JobEvent['type'] | null = null;
  try {
    for await (const event of client.jobs.events(id, { signal: terminal.interrupted() })) {
      end = event.type;
      if (json) terminal.out(`${JSON.stringify(wireEvent(event))}\n`);
      else show(event, { board, progress, terminal });
    }
  } finally {
    board.end();
  }
  return end === 'done' ? STATUS.done : STATUS.failed;
}

function show(
  event: JobEvent,
  {
    board,
    progress,
    terminal,
  }: { readonly board: ProgressBoard; readonly progress: Progress; readonly terminal: Terminal },
): void {
  if (event.type === 'progress') progress.transcribed(event.done_seconds, event.planned_seconds);
  if (event.type === 'segment') {
    const { start, end, text } = event.segment;
    board.aside(() => {
      terminal.out(`[${clockTime(start, true)} - ${clockTime(end, true)}] ${text}\n`);
    });
  }
  if (event.type === 'failed')
    board.aside(() => {
      terminal.err(`the job failed: ${event.error.message} (${event.error.code})\n`);
    });
  if (event.type === 'cancelled')
    board.aside(() => {
      terminal.err('the job was cancelled\n');
    });
}

function wireEvent({ eventId, ...event }: JobEvent): object {
  return { event_id: eventId, ...event };
}
