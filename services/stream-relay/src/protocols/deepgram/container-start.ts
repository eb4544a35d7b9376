import { AsrError, type LiveEncoding } from '@murmuration/contracts';

/** How a stream is encoded, and where its audio begins. */
export interface StreamStart {
  readonly encoding: LiveEncoding;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Bytes before the first sample. */
  readonly audioFrom: number;
}

/** A header of WAV longer than this is none. */
const MAX_HEADER_BYTES = 16 * 1024;
const NEEDED_BYTES = 12;

/** Rate and channels do not matter for a container that tells them to its decoder. */
const CONTAINER: StreamStart = { encoding: 'opus', sampleRateHz: 48_000, channels: 1, audioFrom: 0 };

/**
 * Tells Ogg, WebM and WAV by the first bytes of a stream whose encoding nobody named; null: more bytes are needed.
 * Throws `unprocessable_audio` for everything else.
 */
export function startOfStream(bytes: Buffer): StreamStart | null {
  if (bytes.length < NEEDED_BYTES) return null;
  if (bytes.toString('latin1', 0, 4) === 'OggS' || bytes.readUInt32BE(0) === 0x1a45dfa3) return CONTAINER;
  if (bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WAVE') return startOfWav(bytes);
  throw new AsrError(
    'unprocessable_audio',
    'The stream is neither Ogg, WebM nor WAV. Send one of these, or name encoding and sample_rate of raw audio in the address.',
  );
}

function startOfWav(bytes: Buffer): StreamStart | null {
  let format: Omit<StreamStart, 'audioFrom'> | null = null;
  for (let at = 12; at + 8 <= bytes.length;) {
    const name = bytes.toString('latin1', at, at + 4);
    const length = bytes.readUInt32LE(at + 4);
    if (name === 'data' && format !== null) return { ...format, audioFrom: at + 8 };
    if (at + 8 + length > MAX_HEADER_BYTES)
      throw new AsrError('unprocessable_audio', 'The header of the WAV stream cannot be read.');
    if (name === 'fmt ' && length >= 16 && at + 8 + length <= bytes.length)
      format = formatOf(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length + (length % 2);
  }
  return null;
}

function formatOf(fields: Buffer): Omit<StreamStart, 'audioFrom'> {
  // The extensible format names the real one at the beginning of a longer id.
  const tag =
    fields.readUInt16LE(0) === 0xfffe && fields.length >= 26 ? fields.readUInt16LE(24) : fields.readUInt16LE(0);
  const encoding = WAV_ENCODINGS[`${String(tag)}/${String(fields.readUInt16LE(14))}`];
  const [channels, sampleRateHz] = [fields.readUInt16LE(2), fields.readUInt32LE(4)];
  if (encoding === undefined || channels < 1 || channels > 16 || sampleRateHz < 8_000 || sampleRateHz > 192_000) {
    throw new AsrError(
      'unprocessable_audio',
      'The WAV stream must be 16-bit or 8-bit PCM, 32-bit float, mu-law or A-law, with 1 to 16 channels at 8 to 192 kHz.',
    );
  }
  return { encoding, sampleRateHz, channels };
}

/** By format tag and bits a sample. */
const WAV_ENCODINGS: Readonly<Record<string, LiveEncoding>> = {
  '1/8': 'pcm_u8',
  '1/16': 'pcm_s16le',
  '3/32': 'pcm_f32le',
  '6/8': 'alaw',
  '7/8': 'mulaw',
};
