import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { LiveEncoding } from '@murmuration/client/node';

/** Audio as it comes, and what it is. */
export interface PcmSource {
  readonly encoding: LiveEncoding;
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly audio: AsyncIterable<Uint8Array>;
}

export const ENCODINGS = ['pcm_s16le', 'pcm_f32le', 'mulaw', 'alaw'] as const satisfies readonly LiveEncoding[];

/** There is no audio to be had: the message says why and what to do. */
export class UnusableInput extends Error {
  override readonly name = 'UnusableInput';
}

/** A header that has not come to its audio by here is none. */
const MOST_HEADER_BYTES = 64 * 1024;
const EXTENSIBLE = 0xfffe;
const WAV_ENCODINGS: Readonly<Record<string, LiveEncoding>> = {
  '1/16': 'pcm_s16le',
  '3/32': 'pcm_f32le',
  '7/8': 'mulaw',
  '6/8': 'alaw',
};

/**
 * Standard input as audio: a WAV file tells by its header what it holds (16-bit PCM, 32-bit float, µ-law, A-law; of any length, also unknown), everything else is what `raw` says.
 * Throws `UnusableInput`.
 */
export async function wavOrRaw(input: AsyncIterable<Uint8Array>, raw: Omit<PcmSource, 'audio'>): Promise<PcmSource> {
  const pieces = input[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const next = await pieces.next();
    if (next.done === true) return false;
    head = Buffer.concat([head, next.value]);
    return true;
  };
  while (head.length < 12 && (await more())) {
    /* until a header can be told */
  }
  if (head.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WAVE')
    return { ...raw, audio: rest(head, pieces, Number.POSITIVE_INFINITY) };
  let format: Omit<PcmSource, 'audio'> | null = null;
  for (let at = 12; at < MOST_HEADER_BYTES;) {
    while (head.length < at + 8)
      if (!(await more())) throw new UnusableInput('the WAV file on standard input ends before its audio');
    const [name, size] = [head.toString('latin1', at, at + 4), head.readUInt32LE(at + 4)];
    if (name === 'data') {
      if (format === null) throw new UnusableInput('the WAV file on standard input does not say what it holds');
      // Writers that stream do not know the length: they leave it at nothing, or at the most there is.
      return {
        ...format,
        audio: rest(head.subarray(at + 8), pieces, size === 0 || size >= 0x7fffffff ? Number.POSITIVE_INFINITY : size),
      };
    }
    const end = at + 8 + size + (size % 2);
    if (end > MOST_HEADER_BYTES) break;
    while (head.length < end)
      if (!(await more())) throw new UnusableInput('the WAV file on standard input ends before its audio');
    if (name === 'fmt ') format = formatOf(head.subarray(at + 8, at + 8 + size));
    at = end;
  }
  throw new UnusableInput('the WAV file on standard input has no audio near its beginning');
}

function formatOf(chunk: Buffer): Omit<PcmSource, 'audio'> {
  if (chunk.length < 16) throw new UnusableInput('the WAV file on standard input has a header that cannot be read');
  const tag = chunk.readUInt16LE(0);
  const kind = tag === EXTENSIBLE && chunk.length >= 26 ? chunk.readUInt16LE(24) : tag;
  const encoding = WAV_ENCODINGS[`${String(kind)}/${String(chunk.readUInt16LE(14))}`];
  if (encoding === undefined)
    throw new UnusableInput(
      'the WAV file on standard input is neither 16-bit PCM, 32-bit float, µ-law nor A-law. ffmpeg -i FILE -f wav - makes it so',
    );
  return { encoding, channels: chunk.readUInt16LE(2), sampleRateHz: chunk.readUInt32LE(4) };
}

async function* rest(
  head: Uint8Array,
  pieces: AsyncIterator<Uint8Array>,
  mostBytes: number,
): AsyncGenerator<Uint8Array> {
  let left = mostBytes;
  try {
    for (let piece = head; left > 0;) {
      const part = piece.subarray(0, Math.min(left, piece.length));
      left -= part.length;
      if (part.length > 0) yield part;
      const next = await pieces.next();
      if (next.done === true) return;
      piece = next.value;
    }
  } finally {
    await pieces.return?.();
  }
}

const RATE_HZ = 16_000;
const SHOWN_CHARACTERS = 300;

/** Programs that record the default microphone as 16-bit PCM, mono, 16 kHz, in the order in which they are tried. */
const RECORDERS: readonly (readonly [program: string, ...parameters: string[]])[] = [
  ['arecord', '-q', '-t', 'raw', '-f', 'S16_LE', '-r', String(RATE_HZ), '-c', '1'],
  ['rec', '-q', '-t', 'raw', '-b', '16', '-e', 'signed-integer', '-L', '-r', String(RATE_HZ), '-c', '1', '-'],
  ['sox', '-q', '-d', '-t', 'raw', '-b', '16', '-e', 'signed-integer', '-L', '-r', String(RATE_HZ), '-c', '1', '-'],
];

type Recorder = ChildProcessByStdio<null, Readable, Readable>;

/** The default microphone, by the first recorder that is installed. It ends with `signal`. Throws `UnusableInput` when there is no recorder; the audio throws it when the recorder fails. */
export async function microphone(signal: AbortSignal): Promise<PcmSource> {
  for (const [program, ...parameters] of RECORDERS) {
    const recorder = await started(program, parameters);
    if (recorder !== null)
      return { encoding: 'pcm_s16le', sampleRateHz: RATE_HZ, channels: 1, audio: recorded(program, recorder, signal) };
  }
  throw new UnusableInput(
    'no program to record with is installed: install alsa-utils (arecord) or sox, or pipe audio into murmur live -',
  );
}

function started(program: string, parameters: readonly string[]): Promise<Recorder | null> {
  return new Promise((resolve, reject) => {
    // In a group of its own: Ctrl-C in the terminal is for us, and what it recorded until then is not lost.
    const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    child.once('spawn', () => {
      resolve(child);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve(null);
      else reject(error);
    });
  });
}

async function* recorded(program: string, recorder: Recorder, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let words = '';
  recorder.stderr.on('data', (data: Buffer) => {
    words = (words + data.toString()).slice(-SHOWN_CHARACTERS);
  });
  const exited = new Promise<number | null>((resolve) => {
    recorder.once('close', resolve);
  });
  const stop = (): void => {
    recorder.kill('SIGTERM');
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    for await (const piece of recorder.stdout as AsyncIterable<Buffer>) yield piece;
    const status = await exited;
    if (status !== 0 && !signal.aborted)
      throw new UnusableInput(
        `${program} cannot record: ${words.trim() === '' ? `it ended with ${String(status)}` : words.trim()}`,
      );
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}
