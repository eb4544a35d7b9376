import { join } from 'node:path';
import { Option, type Command } from '@commander-js/extra-typings';
import type { JobStatus, Murmuration, SubtitleLayout, JobEvent } from '@murmuration/client/node';
import {
  type CommandContext,
  clientFor,
  SERVER_EXIT_STATUS,
  SERVER_OPTIONS,
  wholeNumber,
  STATUS,
  concernsAll,
  faultJson,
  sentence,
  statusOf,
} from '../commands.js';
import {
  FORMAT,
  SUBTITLE_OPTIONS,
  subtitleLayout,
  transcriptText,
  writeWhole,
  type Format,
} from '../output/transcript-output.js';
import { type Terminal, clockTime } from '../terminal.js';
import { listJobs, showJob } from './print-jobs.js';
import { ProgressBoard, type Progress } from '../output/progress.js';

const STATUSES = [
  'receiving',
  'queued',
  'running',
  'done',
  'failed',
  'cancelled',
] as const satisfies readonly JobStatus[];
const JSON_OPTION = new Option('--json', 'for programs: one line of JSON for each job or event');

/** Adds `murmur jobs …`. */
export function addJobs(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const jobs = program.command('jobs').description('The jobs of a server.').addHelpText('after', SERVER_EXIT_STATUS);
  jobs
    .command('list')
    .description('jobs, newest first')
    .addOption(new Option('--status <S>', 'only jobs in this state').choices(STATUSES))
    .option('--after <T>', 'made after this time: 2027-01-31T00:00:00Z')
    .option('--before <T>', 'made before this time')
    .addOption(new Option('--limit <N>', 'at most this many').argParser(wholeNumber(1, 100_000)).default(50))
    .addOption(JSON_OPTION)
    .addOption(SERVER_OPTIONS.server)
    .addOption(SERVER_OPTIONS.key)
    .action(async (options) => {
      context.status = await listJobs(clientFor(options, context.readConfig()), options, terminal);
    });
  jobs
    .command('show')
    .description('all about one job')
    .argument('<ID>', 'id of the job')
    .addOption(JSON_OPTION)
    .addOption(SERVER_OPTIONS.server)
    .addOption(SERVER_OPTIONS.key)
    .action(async (id, options) => {
      const client = clientFor(options, context.readConfig());
      context.status = await showJob(client, id, options.json === true, terminal);
    });
  jobs
    .command('watch')
    .description("a job's text as it comes, from the first; ends with the job, Ctrl-C lets the job go on")
    .argument('<ID>', 'id of the job')
    .addOption(JSON_OPTION)
    .addOption(SERVER_OPTIONS.server)
    .addOption(SERVER_OPTIONS.key)
    .addHelpText('after', `\nThe exit status is 1, too, when the job fails or is cancelled.`)
    .action(async (id, options) => {
      const client = clientFor(options, context.readConfig());
      context.status = await watchJob(client, id, options.json === true, terminal);
    });
  jobs
    .command('cancel')
    .description('end jobs; what is kept of them is deleted')
    .argument('<ID...>', 'ids of the jobs')
    .addOption(JSON_OPTION)
    .addOption(SERVER_OPTIONS.server)
    .addOption(SERVER_OPTIONS.key)
    .action(async (ids, options) => {
      const client = clientFor(options, context.readConfig());
      context.status = await cancelJobs(client, ids, options.json === true, terminal);
    });
  jobs
    .command('result')
    .description('the transcript of a job')
    .argument('<ID>', 'id of the job')
    .addOption(FORMAT)
    .option('-o, --output <DIR>', 'write DIR/ID.F instead of printing')
    .addOption(JSON_OPTION)
    .addOption(SUBTITLE_OPTIONS.width)
    .addOption(SUBTITLE_OPTIONS.lines)
    .addOption(SUBTITLE_OPTIONS.words)
    .addOption(SUBTITLE_OPTIONS.highlight)
    .addOption(SERVER_OPTIONS.server)
    .addOption(SERVER_OPTIONS.key)
    .action(async (id, options) => {
      const layout = subtitleLayout(options, options.format);
      context.status = await printResult(
        clientFor(options, context.readConfig()),
        id,
        { ...options, layout },
        terminal,
      );
    });
}

async function cancelJobs(
  client: Murmuration,
  ids: readonly string[],
  json: boolean,
  terminal: Terminal,
): Promise<number> {
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

async function printResult(
  client: Murmuration,
  id: string,
  {
    format,
    layout,
    output,
    json,
  }: {
    readonly format: Format;
    readonly layout: SubtitleLayout;
    readonly output?: string | undefined;
    readonly json?: true | undefined;
  },
  terminal: Terminal,
): Promise<number> {
  const text = await client.jobs.transcript(id, format, layout);
  const path = output === undefined ? null : join(output, `${id.replace(/[^\w-]/g, '_')}.${format}`);
  if (path !== null) await writeWhole(path, transcriptText(text));
  if (json === true)
    terminal.out(`${JSON.stringify({ id, ...(path === null ? { transcript: text } : { output: path }) })}\n`);
  else terminal.out(path === null ? transcriptText(text) : `${path}\n`);
  return STATUS.done;
}

/** `murmur jobs watch ID`: its segments as they come, from the first. Status 1 when the job fails or is cancelled. Throws `Interrupted`; the job goes on. */
async function watchJob(client: Murmuration, id: string, json: boolean, terminal: Terminal): Promise<number> {
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
