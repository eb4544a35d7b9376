import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import {
  audioFile,
  type AudioInput,
  type Job,
  type JobOptions,
  type Murmuration,
  MurmurationError,
  type RecordingUrl,
  type SubtitleLayout,
  type Transcript,
} from '@murmuration/client/node';
import type { Format } from '../output/transcript-output.js';
import type { Terminal } from '../terminal.js';
import type { Progress } from '../output/progress.js';

/** What `murmur transcribe` is given. */
export interface TranscribeArguments {
  readonly client: Murmuration;
  /** Paths, addresses, or `-` for standard input. */
  readonly inputs: readonly string[];
  readonly format: Format;
  /** Of subtitles. */
  readonly layout: SubtitleLayout;
  /** Folder for one file an input; null prints. */
  readonly folder: string | null;
  readonly fields: JobOptions;
  /** Recordings at the same time. */
  readonly parallel: number;
  readonly json: boolean;
}

/** From when the first byte is sent the server knows the job, but it may refuse for a while before it takes one. */
const APPEARS_WITHIN_MS = 60_000;
/** For the server to hear that a job is cancelled, when the program is to end. */
const CANCEL_LIMIT_MS = 5_000;

/**
 * One recording from its bytes to its transcript: submitted under a name of our own, so that it can be followed while it is sent.
 * A job that is not seen to its end is cancelled. Throws `MurmurationError` (also with the error of a job that failed), what `node:fs` throws, or the signal's reason.
 */
export async function transcribeOne(
  input: string,
  asked: TranscribeArguments,
  terminal: Terminal,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ readonly job: Job; readonly transcript: Transcript | string }> {
  const { jobs } = asked.client;
  const recording = await recordingOf(input, terminal);
  const id = randomUUID();
  const leaving = new AbortController();
  const leave = (): void => {
    leaving.abort(signal.reason);
  };
  signal.addEventListener('abort', leave, { once: true });
  let isAccepted = false;
  let isOver = false;
  try {
    signal.throwIfAborted();
    // Its own faults do not matter: what became of the job is asked for below.
    const following = show(asked, id, progress, leaving.signal).catch(() => undefined);
    await jobs.create(recording, {
      ...asked.fields,
      id,
      signal,
      onUpload: (sentBytes, totalBytes) => {
        progress.sent(sentBytes, totalBytes);
      },
    });
    isAccepted = true;
    progress.accepted();
    await following;
    const job = await jobs.wait(id, { signal });
    isOver = true;
    if (job.status !== 'done')
      throw new MurmurationError(job.error?.code ?? 'cancelled', job.error?.message ?? 'the job was cancelled');
    return { job, transcript: await jobs.transcript(id, asked.format, { ...asked.layout, signal }) };
  } finally {
    leaving.abort();
    signal.removeEventListener('abort', leave);
    // Of a job that was refused, or whose sending broke, the server keeps nothing.
    if (!isOver && (isAccepted || signal.aborted))
      await jobs.cancel(id, { signal: AbortSignal.timeout(CANCEL_LIMIT_MS) }).catch(() => undefined);
  }
}

async function show(
  { client }: TranscribeArguments,
  id: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  for await (const event of client.jobs.events(id, { signal, appearsWithinMs: APPEARS_WITHIN_MS })) {
    if (event.type === 'progress') progress.transcribed(event.done_seconds, event.planned_seconds);
  }
}

async function recordingOf(input: string, terminal: Terminal): Promise<AudioInput | RecordingUrl> {
  if (input === '-') return terminal.input;
  if (isAddress(input)) return { url: input };
  // A pipe, as of `<(ffmpeg …)`, has no size and can be read once.
  return (await stat(input)).isFile() ? audioFile(input) : createReadStream(input);
}

/** True for what is an address and no path. */
function isAddress(input: string): boolean {
  return /^https?:\/\//i.test(input);
}

/** A name for the file of each input's transcript, all different: `talk.srt` for `talk.mp3`, `talk-2.srt` for a second of that name. */
export function outputNames(inputs: readonly string[], format: Format): string[] {
  const taken = new Set<string>();
  return inputs.map((input) => {
    const stem = stemOf(input);
    let name = `${stem}.${format}`;
    for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${stem}-${String(count)}.${format}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

function stemOf(input: string): string {
  if (input === '-') return 'recording';
  const last = isAddress(input) ? lastOfAddress(input) : basename(input);
  // An address may hold what a name may not; a name that begins with a dot would not be seen.
  const safe = last.replace(/[/\\\p{Cc}]/gu, '_').replace(/^\.+/, '');
  const name = safe.slice(0, safe.length - extname(safe).length).slice(0, 100);
  return name === '' ? 'recording' : name;
}

function lastOfAddress(address: string): string {
  const last =
    (URL.canParse(address) ? new URL(address).pathname : '').split('/').findLast((part) => part !== '') ?? '';
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
