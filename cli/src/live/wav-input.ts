import type { LiveEncoding } from '@murmuration/client/node';
import { UnusableInput, type PcmSource } from './pcm-source.js';

/** A header that has not come to its audio by here is none. */
const MOST_HEADER_BYTES = 64 * 1024;
const EXTENSIBLE = 0xfffe;
const ENCODINGS: Readonly<Record<string, LiveEncoding>> = {
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
  const encoding = ENCODINGS[`${String(kind)}/${String(chunk.readUInt16LE(14))}`];
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
