import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { UnusableInput, type PcmSource } from './pcm-source.js';

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
