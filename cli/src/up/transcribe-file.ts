import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { extname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SetupError } from '../../../scripts/setup/setup-error.mjs';

// The bytes decide what a recording is; the type is a hint.
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.wav': 'audio/wav',
  '.mp3': 'audio/mpeg',
  '.m4a': 'audio/mp4',
  '.mp4': 'video/mp4',
  '.mov': 'video/quicktime',
  '.aac': 'audio/aac',
  '.flac': 'audio/flac',
  '.ogg': 'audio/ogg',
  '.opus': 'audio/ogg',
  '.webm': 'video/webm',
  '.mkv': 'video/x-matroska',
  '.aiff': 'audio/aiff',
  '.aif': 'audio/aiff',
  '.amr': 'audio/amr',
};

/** The answer of `POST /transcribe`, as far as it is shown. */
export interface Transcript {
  readonly text: string;
  /** Seconds. */
  readonly duration: number;
  readonly model: string;
  readonly warnings?: readonly { readonly code: string; readonly message: string }[];
}

/** Throws a `SetupError` that names the first path that is no readable file. */
export async function requireFiles(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const facts = await stat(path).catch((error: unknown) => {
      throw new SetupError(
        `${path} cannot be read: ${isErrno(error) && error.code === 'ENOENT' ? 'there is no such file' : String(error)}.`,
      );
    });
    if (!facts.isFile()) throw new SetupError(`${path} is not a file.`);
  }
}

/**
 * Sends a recording to `POST /transcribe` as it is read from disk and answers `{ transcript, tookMs }`. Throws a `SetupError` with
 * the server's own words when it refuses. `signal` gives up. `apiKey` is shown to the server, unless it is empty.
 */
export async function transcribeFile(
  url: string,
  path: string,
  signal: AbortSignal,
  apiKey = '',
): Promise<{ readonly transcript: Transcript; readonly tookMs: number }> {
  const startedMs = performance.now();
  const { status, text } = await post(
    `${url}/transcribe`,
    path,
    signal,
    apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` },
  );
  const tookMs = performance.now() - startedMs;
  const answer = parsed(text);
  if (status !== 200 || answer === null)
    throw new SetupError(
      `${path} was not transcribed: ${answer?.error?.message ?? text.slice(0, 500)} (HTTP ${String(status)}).`,
    );
  return { transcript: answer, tookMs };
}

function parsed(text: string): (Transcript & { readonly error?: { readonly message?: string } }) | null {
  try {
    return JSON.parse(text) as Transcript;
  } catch {
    // Told as it is.
    return null;
  }
}

// Not fetch: that gives up on an answer after five minutes, and a long recording takes longer.
async function post(
  url: string,
  path: string,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  const outgoing = request(url, {
    method: 'POST',
    signal,
    headers: { ...headers, 'content-type': CONTENT_TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream' },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
  });
  // A refusal may come while the recording is still being sent; then the answer counts, not the broken pipe.
  const sent = pipeline(createReadStream(path), outgoing).catch((error: unknown) => {
    outgoing.destroy(error instanceof Error ? error : undefined);
  });
  try {
    const response = await answered;
    response.setEncoding('utf8');
    let text = '';
    for await (const piece of response as AsyncIterable<string>) text += piece;
    return { status: response.statusCode, text };
  } catch (error) {
    if (signal.aborted) throw error;
    throw new SetupError(
      `The HTTP service broke off the request for ${path} (${isErrno(error) ? (error.code ?? error.message) : String(error)}).`,
    );
  } finally {
    outgoing.destroy();
    await sent;
  }
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error;
}

/** Lines that show a transcript: its text, how long the speech is and how fast it went. */
export function describeTranscript(name: string, transcript: Transcript, tookMs: number): readonly string[] {
  const speed = (transcript.duration * 1000) / tookMs;
  const text = transcript.text.trim();
  return [
    name,
    `  ${text === '' ? '(no speech)' : text}`,
    `  ${transcript.duration.toFixed(1)} s of audio in ${(tookMs / 1000).toFixed(2)} s: ${speed.toFixed(speed < 10 ? 1 : 0)} times real time, model ${transcript.model}`,
    ...(transcript.warnings ?? []).map((warning) => `  warning: ${warning.message}`),
  ];
}
