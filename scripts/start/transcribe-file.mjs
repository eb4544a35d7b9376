import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import { extname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SetupError } from '../setup/setup-error.mjs';

// The bytes decide what a recording is; the type is a hint.
const CONTENT_TYPES = {
  '.wav': 'audio/wav', '.mp3': 'audio/mpeg', '.m4a': 'audio/mp4', '.mp4': 'video/mp4', '.mov': 'video/quicktime', '.aac': 'audio/aac',
  '.flac': 'audio/flac', '.ogg': 'audio/ogg', '.opus': 'audio/ogg', '.webm': 'video/webm', '.mkv': 'video/x-matroska',
  '.aiff': 'audio/aiff', '.aif': 'audio/aiff', '.amr': 'audio/amr',
};

/** Throws a `SetupError` that names the first path that is no readable file. */
export async function requireFiles(paths) {
  for (const path of paths) {
    const facts = await stat(path).catch((error) => { throw new SetupError(`${path} cannot be read: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}.`); });
    if (!facts.isFile()) throw new SetupError(`${path} is not a file.`);
  }
}

/**
 * Sends a recording to `POST /transcribe` as it is read from disk and answers `{ transcript, tookMs }`.
 * Throws a `SetupError` with the door's own words when it refuses. `signal` gives up. `apiKey` is shown to the door, unless it is empty.
 */
export async function transcribeFile(url, path, signal, apiKey = '') {
  const startedMs = performance.now();
  const { status, text } = await post(`${url}/transcribe`, path, signal, apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` });
  const tookMs = performance.now() - startedMs;
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // Told below as it is.
  }
  if (status !== 200 || answer === null) throw new SetupError(`${path} was not transcribed: ${answer?.error?.message ?? text.slice(0, 500)} (HTTP ${String(status)}).`);
  return { transcript: answer, tookMs };
}

// Not fetch: that gives up on an answer after five minutes, and a long recording takes longer.
async function post(url, path, signal, headers) {
  const outgoing = request(url, { method: 'POST', signal, headers: { ...headers, 'content-type': CONTENT_TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream' } });
  const answered = new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
  });
  // A refusal may come while the recording is still being sent; then the answer counts, not the broken pipe.
  const sent = pipeline(createReadStream(path), outgoing).catch((error) => { outgoing.destroy(error); });
  try {
    const response = await answered;
    response.setEncoding('utf8');
    let text = '';
    for await (const piece of response) text += piece;
    return { status: response.statusCode, text };
  } catch (error) {
    throw signal.aborted ? error : new SetupError(`The HTTP door broke off the request for ${path} (${error.code ?? error.message}).`);
  } finally {
    outgoing.destroy();
    await sent;
  }
}

/** Lines that show a transcript: its text, how long the speech is and how fast it went. */
export function describeTranscript(name, transcript, tookMs) {
  const speed = transcript.duration * 1000 / tookMs;
  const text = transcript.text.trim();
  return [
    name,
    `  ${text === '' ? '(no speech)' : text}`,
    `  ${transcript.duration.toFixed(1)} s of audio in ${(tookMs / 1000).toFixed(2)} s: ${speed.toFixed(speed < 10 ? 1 : 0)} times real time, model ${transcript.model}`,
    ...(transcript.warnings ?? []).map((warning) => `  warning: ${warning.message}`),
  ];
}
